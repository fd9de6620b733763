package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.FrameSink;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.StreamReceiver;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.WriteBatch;
import io.backhaul.protocol.Zeroes;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A process server and a master target in one: spools, journals into a replica in memory, answers digests, and loses what
 * it is told to lose. Speaks through the real receiving session.
 */
final class Downstream implements Dialler, FrameSink {
    /** Who looks at the replica each time a frame has been journaled. */
    interface Witness {
        void journaled(Position position, Fidelity fidelity, FrameType type);
    }

    private static final long CREDIT_BYTES = Limits.MAX_FRAME_BYTES;

    private final Steps steps;
    private final Steps.Life life = new Steps.Life();
    private final Loop loop;
    private final UUID machine;
    private final ByteBufAllocator allocator;
    private final SplittableRandom random;
    private Witness witness;
    final List<byte[]> replica = new ArrayList<>();
    private UUID replicaId;
    final List<GenerationStart> generations = new ArrayList<>();
    private final Deque<Frame> spool = new ArrayDeque<>();
    private final Deque<Frame> unspooled = new ArrayDeque<>();
    private final Deque<Runnable> releases = new ArrayDeque<>();
    private final List<Runnable> settled = new ArrayList<>();
    private final List<DigestRequest> asked = new ArrayList<>();
    private @Nullable WirePair wire;
    private @Nullable StreamReceiver receiver;
    private Position accepted = Position.NONE;
    private Position spooled = Position.NONE;
    private Position journaled = Position.NONE;
    private Fidelity fidelity = Fidelity.BASELINE;
    /** The journal was lost, and the source has not begun to compare everything since. */
    boolean amnesiac;
    @Nullable
    Refusal refusal;
    boolean reachable = true;
    boolean journaling = true;
    boolean spooling = true;
    long bytesPerSecond = 200L << 20;
    long payloadBytes;
    int answers;
    long reconciledBytes;

    Downstream(Steps steps, UUID machine, ByteBufAllocator allocator, SplittableRandom random, Witness witness) {
        this.steps = steps;
        this.loop = steps.loop(life);
        this.machine = machine;
        this.allocator = allocator;
        this.random = random;
        this.witness = witness;
        this.replicaId = new UUID(random.nextLong(), random.nextLong());
    }

    Position journaled() {
        return journaled;
    }

    Fidelity fidelity() {
        return fidelity;
    }

    Steps steps() {
        return steps;
    }

    void witness(Witness next) {
        witness = next;
    }

    void cut() {
        if (wire != null) {
            wire.cut();
        }
    }

    /** The process server's disk is lost: what was not journaled is gone. */
    void loseSpool(boolean knowsJournaled) {
        cut();
        dropUnjournaled();
        accepted = knowsJournaled ? journaled : Position.NONE;
        spooled = accepted;
    }

    /** The master target's journal is lost, and what it had is as good as random. */
    void loseJournal() {
        cut();
        dropUnjournaled();
        accepted = Position.NONE;
        spooled = Position.NONE;
        journaled = Position.NONE;
        fidelity = Fidelity.BASELINE;
        amnesiac = true;
        replicaId = new UUID(random.nextLong(), random.nextLong());
        for (byte[] disk : replica) {
            int at = random.nextInt(disk.length / 2);
            for (int i = at; i < at + disk.length / 4; i++) {
                disk[i] = (byte) random.nextInt(4);
            }
        }
    }

    /** Another master target stands there, to which all the stream has come so far, but nothing of what was alike before. */
    void becomeAnother() {
        replicaId = new UUID(random.nextLong(), random.nextLong());
        replica.forEach(disk -> Arrays.fill(disk, (byte) 0));
    }

    private void dropUnjournaled() {
        spool.forEach(Frame::release);
        spool.clear();
        unspooled.forEach(Frame::release);
        unspooled.clear();
        releases.clear();
        settled.clear();
        asked.clear();
    }

    /** Releases all buffers. */
    void close() {
        cut();
        dropUnjournaled();
    }

    @Override
    public void dial(String address, Role role, Loop caller, Outcome outcome) {
        if (!reachable) {
            caller.execute(() -> outcome.failed(FaultCode.UNREACHABLE, "nobody answers"));
            return;
        }
        WirePair pair = new WirePair(steps, machine, bytesPerSecond);
        pair.far.attach(loop, new Greeting(pair));
        caller.execute(() -> outcome.connected(pair.near));
    }

    /** Waits for the HELLO. */
    private final class Greeting implements Link.Listener {
        private final WirePair pair;

        Greeting(WirePair pair) {
            this.pair = pair;
        }

        @Override
        public void frame(Frame frame) {
            try {
                Hello hello = Hello.read(frame);
                cut();
                wire = pair;
                var ports = new StreamReceiver.Ports(loop, allocator, HopTiming.DEFAULT, CREDIT_BYTES);
                StreamReceiver session = new StreamReceiver(ports, pair.far, hello, Downstream.this, () -> {});
                receiver = session;
                pair.far.attach(loop, session);
                session.begin();
            } catch (MalformedBodyException wrong) {
                throw new AssertionError(wrong);
            } finally {
                frame.release();
            }
        }

        @Override
        public void closed(String why) {}
    }

    @Override
    public Position accepted() {
        return accepted;
    }

    @Override
    public Positions positions() {
        Position known = journaled.min(spooled);
        return new Positions(machine, accepted, spooled, known, known, Position.NONE);
    }

    @Override
    public void whenSettled(Runnable task) {
        if (unspooled.isEmpty()) {
            task.run();
        } else {
            settled.add(task);
        }
    }

    @Override
    public @Nullable Refusal admit(Hello hello) {
        return refusal;
    }

    @Override
    public @Nullable Refusal judge(GenerationStart start) {
        return start.basis().isBefore(journaled) || start.basis().equals(journaled)
                ? null
                : new Refusal(machine, FaultCode.BASIS_UNKNOWN, "journaled is " + journaled);
    }

    @Override
    public @Nullable Refusal judge(FidelityChange change) {
        return change.fidelity() != Fidelity.ORDERED || change.replica().equals(replicaId)
                ? null
                : new Refusal(machine, FaultCode.BASIS_UNKNOWN, "the replica is " + replicaId);
    }

    @Override
    public void accept(Frame frame, Runnable released) {
        accepted = frame.last();
        unspooled.add(frame);
        releases.add(released);
        spoolSoon();
    }

    private void spoolSoon() {
        steps.after(random.nextLong(500_000), life, this::spoolOne);
    }

    /** Goes on after spooling or journaling had been switched off. */
    void resume() {
        spooling = true;
        journaling = true;
        for (int i = 0; i < unspooled.size() + spool.size(); i++) {
            spoolSoon();
            journalSoon();
        }
    }

    private void spoolOne() {
        if (!spooling || unspooled.isEmpty()) {
            return;
        }
        Frame frame = unspooled.remove();
        spooled = frame.last();
        spool.add(frame);
        releases.remove().run();
        if (unspooled.isEmpty()) {
            List.copyOf(settled).forEach(Runnable::run);
            settled.clear();
        }
        progressed();
        journalSoon();
    }

    private void journalSoon() {
        steps.after(random.nextLong(3_000_000), life, this::journalOne);
    }

    private void journalOne() {
        if (!journaling || spool.isEmpty()) {
            return;
        }
        Frame frame = spool.remove();
        assertThat(frame.type() == FrameType.GENERATION || frame.sequence() == journaled.sequence() + 1).isTrue();
        try {
            apply(frame);
        } catch (IOException | MalformedBodyException wrong) {
            throw new AssertionError(wrong);
        }
        journaled = frame.last();
        FrameType type = frame.type();
        frame.release();
        witness.journaled(journaled, fidelity, type);
        progressed();
        List<DigestRequest> due = asked.stream().filter(request -> journaled.isAtLeast(request.notBefore())).toList();
        asked.removeAll(due);
        due.forEach(this::answer);
    }

    private void progressed() {
        if (receiver != null) {
            receiver.progressed();
        }
    }

    private void apply(Frame frame) throws IOException, MalformedBodyException {
        switch (frame.type()) {
            case GENERATION -> {
                GenerationStart start = GenerationStart.read(frame);
                generations.add(start);
                fidelity = start.fidelity();
                amnesiac = false;
                while (replica.size() < start.disks().size()) {
                    replica.add(new byte[(int) start.disks().get(replica.size()).sizeBytes()]);
                }
            }
            case FIDELITY -> fidelity = FidelityChange.read(frame).fidelity();
            case WRITES -> write(frame);
            default -> {
            }
        }
    }

    private void write(Frame frame) throws IOException, MalformedBodyException {
        assertThat(frame.isReconciled() && fidelity == Fidelity.ORDERED).as("reconciled records in order").isFalse();
        WriteBatch batch = WriteBatch.open(frame);
        ByteBuffer plain = ByteBuffer.allocateDirect(frame.plainLengthBytes());
        if (frame.isCompressed()) {
            Lz4.expand(batch.storedPayload().nioBuffer(), plain);
        } else {
            plain.put(batch.storedPayload().nioBuffer());
        }
        plain.flip();
        for (int i = 0; i < batch.records(); i++) {
            byte[] disk = replica.get(batch.disk(i));
            int at = (int) batch.offset(i);
            if (batch.isZero(i)) {
                Arrays.fill(disk, at, at + batch.lengthBytes(i), (byte) 0);
            } else {
                plain.get(disk, at, batch.lengthBytes(i));
            }
        }
        payloadBytes += frame.plainLengthBytes();
        reconciledBytes += frame.isReconciled() ? frame.plainLengthBytes() : 0;
    }

    @Override
    public void control(Frame frame) {
        try {
            DigestRequest request = DigestRequest.read(frame);
            if (journaled.isAtLeast(request.notBefore())) {
                answer(request);
            } else if (random.nextInt(3) == 0) {
                send(Digests.none(request, Digests.Status.UNAVAILABLE));
            } else {
                asked.add(request);
            }
        } catch (MalformedBodyException wrong) {
            throw new AssertionError(wrong);
        } finally {
            frame.release();
        }
    }

    private void answer(DigestRequest request) {
        byte[] disk = replica.get(request.disk());
        ByteBuffer digests = ByteBuffer.allocate(request.chunks() * Limits.DIGEST_BYTES);
        boolean allZero = true;
        long[] chunks = request.runs().stream().flatMapToLong(run -> LongStream.range(run.first(), run.end()))
                .toArray();
        for (long chunk : chunks) {
            int from = (int) (chunk * request.chunkBytes());
            int length = Math.min(request.chunkBytes(), disk.length - from);
            boolean zero = Zeroes.isZero(ByteBuffer.wrap(disk, from, length));
            digests.put(zero ? new byte[Limits.DIGEST_BYTES] : digest(disk, from, length), 0, Limits.DIGEST_BYTES);
            allZero &= zero;
        }
        answers++;
        Digests answer = allZero
                ? Digests.allZero(request, replicaId)
                : Digests.some(request, replicaId, digests.flip());
        steps.after(random.nextLong(2_000_000), life, () -> send(answer));
    }

    /** Asks for something again, as one whose state is so old. */
    void askAgain(Position needing, Resend.Extent... extents) {
        if (receiver != null) {
            receiver.offer(new Resend(machine, needing, List.of(extents)).frame(allocator));
        }
    }

    private void send(Digests answer) {
        if (receiver != null) {
            receiver.send(answer.frame(allocator));
        }
    }

    private static byte[] digest(byte[] disk, int from, int length) {
        try {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            sha256.update(disk, from, length);
            return sha256.digest();
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }
}

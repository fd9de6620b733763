package io.backhaul.mastertarget;

import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Credit;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A source with what stands between it and the master target: makes a random stream and sends it over links that come and go. */
final class SourceModel {
    static final int SECTOR_BYTES = 512;
    /** What the id of the replica is drawn from, in each life, so that the source knows it without asking. */
    static final long REPLICA_BITS = 0x0123456789abcdefL;
    private static final UUID REPLICA = new UUID(REPLICA_BITS, REPLICA_BITS);
    private static final ByteBufAllocator ALLOCATOR = ByteBufAllocator.DEFAULT;

    final UUID machine = new UUID(0x1234, 0x5678);
    final Oracle oracle;
    private final RandomGenerator random;
    private final World world;
    private final int disks;
    private final int diskBytes;
    private final List<Frame> stream = new ArrayList<>();
    private final List<byte[]> contents = new ArrayList<>();
    private Position last = Position.NONE;
    private Fidelity fidelity = Fidelity.BASELINE;
    private Position told = Position.NONE;
    private Position journaled = Position.NONE;
    private Position origin = Position.NONE;
    private int toSend;
    private @Nullable TestLink link;
    private final List<Refusal> refusals = new ArrayList<>();
    private final List<Digests> digests = new ArrayList<>();
    private final List<Resend> resends = new ArrayList<>();
    /** Whether it sends what is asked for again. */
    boolean heeding;
    private int marks;

    SourceModel(World world, RandomGenerator random, int disks, int diskBytes) {
        this.world = world;
        this.random = random;
        this.disks = disks;
        this.diskBytes = diskBytes;
        this.oracle = new Oracle(disks, diskBytes);
        for (int disk = 0; disk < disks; disk++) {
            contents.add(new byte[diskBytes]);
        }
    }

    /** The highest position that was ever told to be journaled. */
    Position journaled() {
        return journaled;
    }

    /** What the next generation can build upon: nothing, where nothing of the last that began anew is journaled. */
    Position basis() {
        return journaled.isAtLeast(origin) ? journaled : Position.NONE;
    }

    Position last() {
        return last;
    }

    Fidelity fidelity() {
        return fidelity;
    }

    List<Refusal> refusals() {
        return refusals;
    }

    List<Digests> digests() {
        return digests;
    }

    List<Resend> resends() {
        return resends;
    }

    private void sendAgain(Resend resend) {
        fidelity(Fidelity.CATCH_UP);
        for (Resend.Extent extent : resend.extents()) {
            WriteBatchBuilder batch = new WriteBatchBuilder(ALLOCATOR, extent.lengthBytes());
            Position first = last.plus(1);
            byte[] data = java.util.Arrays.copyOfRange(contents.get(extent.disk()), (int) extent.offset(),
                    (int) extent.end());
            batch.data(extent.disk(), extent.offset(), ByteBuffer.wrap(data));
            record(extent.disk(), (int) extent.offset(), data);
            close(batch, first);
        }
        fidelity(Fidelity.ORDERED);
        send();
    }

    boolean isWelcome() {
        return link != null && link.welcomed;
    }

    byte[] content(int disk) {
        return contents.get(disk);
    }

    private long micros() {
        return world.clock.wallMicros();
    }

    List<DiskInfo> table() {
        List<DiskInfo> table = new ArrayList<>();
        for (int disk = 0; disk < disks; disk++) {
            table.add(new DiskInfo(disk, "serial-" + disk, diskBytes, SECTOR_BYTES));
        }
        return table;
    }

    /** Begins a generation; what was not accepted of the last one is given up. */
    void generation(Position accepted, Position basis, Fidelity start) {
        oracle.forgetAfter(accepted);
        stream.forEach(Frame::release);
        stream.clear();
        toSend = 0;
        last = new Position(last.generation() + 1, 1);
        origin = basis.equals(Position.NONE) ? last : origin;
        fidelity = start;
        stream.add(new GenerationStart(machine, last.generation(), micros(), basis, start, new UUID(1, 1), "machine",
                table()).frame(ALLOCATOR));
        oracle.event(last, start, "");
    }

    void fidelity(Fidelity next) {
        fidelity(next, REPLICA);
    }

    /** Says which replica it orders. */
    void fidelity(Fidelity next, UUID replica) {
        fidelity = next;
        last = last.plus(1);
        stream.add(new FidelityChange(machine, last, micros(), next, replica).frame(ALLOCATOR));
        oracle.event(last, next, "");
    }

    String mark() {
        last = last.plus(1);
        String label = "mark-" + ++marks;
        stream.add(new Mark(machine, last, micros(), Mark.Kind.USER, label).frame(ALLOCATOR));
        oracle.event(last, fidelity, label);
        return label;
    }

    /** A batch of random writes and zero extents. */
    void writes(int records) {
        WriteBatchBuilder batch = new WriteBatchBuilder(ALLOCATOR, 4096);
        Position first = last.plus(1);
        for (int i = 0; i < records; i++) {
            int disk = random.nextInt(disks);
            int sectors = diskBytes / SECTOR_BYTES;
            int start = random.nextInt(sectors);
            int length = Math.min(sectors - start, 1 + random.nextInt(random.nextInt(6) == 0 ? 40 : 8));
            byte[] data = new byte[length * SECTOR_BYTES];
            if (random.nextInt(4) == 0) {
                batch.zero(disk, (long) start * SECTOR_BYTES, data.length);
            } else {
                fill(data);
                batch.data(disk, (long) start * SECTOR_BYTES, ByteBuffer.wrap(data));
            }
            record(disk, start * SECTOR_BYTES, data);
        }
        close(batch, first);
    }

    /** Writes so many sectors of a disk. */
    void at(int disk, int offset, int sectors) {
        WriteBatchBuilder batch = new WriteBatchBuilder(ALLOCATOR, sectors * SECTOR_BYTES);
        Position first = last.plus(1);
        byte[] data = new byte[sectors * SECTOR_BYTES];
        random.nextBytes(data);
        batch.data(disk, offset, ByteBuffer.wrap(data));
        record(disk, offset, data);
        close(batch, first);
    }

    /** A disk holds something that is not sent, since the master target has it too. */
    void holds(int disk, byte[] content) {
        System.arraycopy(content, 0, contents.get(disk), 0, content.length);
    }

    /** A write that no disk has room for. */
    void writeOutside() {
        WriteBatchBuilder batch = new WriteBatchBuilder(ALLOCATOR, 4096);
        Position first = last.plus(1);
        last = first;
        batch.data(0, diskBytes - SECTOR_BYTES, ByteBuffer.allocate(2 * SECTOR_BYTES));
        close(batch, first);
    }

    private void fill(byte[] data) {
        if (random.nextBoolean()) {
            random.nextBytes(data);
        } else {
            java.util.Arrays.fill(data, (byte) (1 + random.nextInt(255)));
        }
    }

    private void record(int disk, int offset, byte[] data) {
        last = last.plus(1);
        System.arraycopy(data, 0, contents.get(disk), offset, data.length);
        oracle.write(last, disk, offset, data, fidelity);
    }

    private void close(WriteBatchBuilder batch, Position first) {
        var heading = new WriteBatchBuilder.Heading(machine, first, micros(), false);
        stream.add(random.nextBoolean() ? batch.close(heading, Lz4.compressor()) : batch.close(heading));
    }

    /** Sends the disks' whole content, as after a loss, in an order of its own. */
    void everything() {
        for (int disk = 0; disk < disks; disk++) {
            WriteBatchBuilder batch = new WriteBatchBuilder(ALLOCATOR, diskBytes);
            Position first = last.plus(1);
            int piece = 16 * SECTOR_BYTES;
            for (int offset = 0; offset < diskBytes; offset += piece) {
                byte[] data = java.util.Arrays.copyOfRange(contents.get(disk), offset, offset + piece);
                batch.data(disk, offset, ByteBuffer.wrap(data));
                record(disk, offset, data);
            }
            close(batch, first);
        }
    }

    /** Connects anew. */
    void connect(MasterTargetMachine target) {
        TestLink made = new TestLink();
        link = made;
        target.welcome(made, new Hello(machine, last.generation(), 1, 1, "test"));
    }

    /** Somebody else greets for the same machine, over another link. */
    void another(MasterTargetMachine target, long generation) {
        target.welcome(new TestLink(), new Hello(machine, generation, 1, 1, "test"));
    }

    /** The process or the link is gone. */
    void disconnect() {
        link = null;
        told = Position.NONE;
    }

    /** Closes the link. */
    void hangUp() {
        TestLink current = link;
        if (current != null) {
            current.close();
        }
        disconnect();
    }

    /** Sends what has not been sent on this link yet. */
    void send() {
        TestLink current = link;
        while (current != null && current.welcomed && toSend < stream.size()) {
            Frame frame = stream.get(toSend);
            if (frame.lengthBytes() > current.credit) {
                return;
            }
            toSend++;
            current.credit -= frame.lengthBytes();
            Frame own = frame.retain();
            world.loop.execute(() -> current.deliver(own));
        }
    }

    void ask(Frame request) {
        TestLink current = link;
        if (current != null) {
            world.loop.execute(() -> current.deliver(request));
        }
    }

    /** The last position told on this link. */
    Position told() {
        return told;
    }

    void close() {
        stream.forEach(Frame::release);
        stream.clear();
    }

    private final class TestLink implements Link {
        private @Nullable Listener listener;
        private boolean welcomed;
        private boolean closed;
        private long credit;
        private long receivedBytes;

        private void deliver(Frame frame) {
            Listener current = listener;
            if (current == null || closed || link != this) {
                frame.release();
            } else {
                receivedBytes += frame.lengthBytes();
                current.frame(frame);
            }
        }

        @Override
        public void hold(boolean nothingMore) {
            throw new UnsupportedOperationException("nobody holds back what comes over this link");
        }

        @Override
        public long receivedBytes() {
            return receivedBytes;
        }

        @Override
        public Identity peer() {
            return new Identity(Role.PROCESS_SERVER, new UUID(9, 9));
        }

        @Override
        public String remoteAddress() {
            return "test";
        }

        @Override
        public void attach(Loop loop, Listener next) {
            listener = next;
        }

        @Override
        public void send(Frame frame) {
            try {
                hear(frame);
            } catch (MalformedBodyException malformed) {
                throw new IllegalStateException(malformed);
            } finally {
                frame.release();
            }
        }

        private void hear(Frame frame) throws MalformedBodyException {
            switch (frame.type()) {
                case WELCOME -> welcome(Welcome.read(frame));
                case CREDIT -> credit += Credit.read(frame).bytes();
                case POSITIONS -> {
                    Positions positions = Positions.read(frame);
                    if (positions.journaled().isBefore(told) || !positions.areLawful()) {
                        throw new IllegalStateException("journaled goes back from " + told + ": " + positions);
                    }
                    told = positions.journaled();
                    journaled = journaled.max(told);
                }
                case REFUSAL -> refusals.add(Refusal.read(frame));
                case DIGESTS -> digests.add(Digests.read(frame));
                case RESEND -> {
                    Resend resend = Resend.read(frame);
                    resends.add(resend);
                    if (heeding) {
                        sendAgain(resend);
                    }
                }
                default -> {
                    // heartbeats
                }
            }
        }

        private void welcome(Welcome welcome) {
            if (welcome.durable().isBefore(journaled)) {
                throw new IllegalStateException("journaled " + journaled + " was lost: " + welcome.durable());
            }
            journaled = welcome.durable();
            welcomed = true;
            credit = welcome.creditBytes();
            toSend = 0;
            while (toSend < stream.size() && welcome.durable().isAtLeast(stream.get(toSend).last())) {
                toSend++;
            }
        }

        @Override
        public long queuedBytes() {
            return 0;
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                if (link == this) {
                    link = null;
                }
                Listener current = listener;
                if (current != null) {
                    world.loop.execute(() -> current.closed(""));
                }
            }
        }
    }
}

package io.backhaul.processserver;

import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.log.StreamFixture;
import io.backhaul.engine.stream.FrameFeed;
import io.backhaul.engine.stream.StreamSender;
import io.backhaul.engine.stream.TestLoop;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A source that keeps its frames until they are spooled, and begins a new generation where it cannot go on. */
final class TestSource implements FrameFeed {
    private final TestLoop loop;
    private final StreamFixture stream;
    private final Dialler dialler;
    private final UUID machine;
    private final List<Frame> held = new ArrayList<>();
    private final Random random;
    final List<FaultCode> refusals = new ArrayList<>();
    final List<Resend> resends = new ArrayList<>();
    final List<Digests> digests = new ArrayList<>();
    final List<Position> basis = new ArrayList<>();
    StreamSender sender;
    Positions positions;
    @Nullable
    Welcome welcome;
    private Position released = Position.NONE;
    private Position journaled = Position.NONE;
    private int nextIndex;
    private boolean streaming;

    /** How far generations are apart, as where a machine has lost its state. */
    long generationStep = 1;

    TestSource(TestLoop loop, Dialler dialler, UUID machine, long seed) {
        this.loop = loop;
        this.dialler = dialler;
        this.machine = machine;
        this.random = new Random(seed);
        this.stream = new StreamFixture(machine, random);
        this.positions = new Positions(machine, Position.NONE, Position.NONE, Position.NONE, Position.NONE,
                Position.NONE);
        begin(Position.NONE);
        this.sender = dial();
    }

    private StreamSender dial() {
        return new StreamSender(new StreamSender.Ports(loop, dialler, random, ByteBufAllocator.DEFAULT),
                new StreamSender.Route(machine, "relay:9443", Role.PROCESS_SERVER, RelayWorld.TIMING), this);
    }

    /** Begins a new generation. */
    void begin(Position from) {
        drop(held.size());
        nextIndex = 0;
        stream.rewind(new Position(stream.last().generation() + generationStep - 1, 1));
        held.add(stream.generation(from));
        released = new Position(stream.last().generation(), 0);
        basis.add(from);
    }

    /** The agent is started again, after it had been stopped for good. */
    void restart() {
        sender.close();
        sender = dial();
    }

    private void drop(int frames) {
        for (int i = 0; i < frames; i++) {
            held.removeFirst().release();
        }
    }

    /** Captures so many frames. */
    void write(int frames, int payloadBytes) {
        for (int i = 0; i < frames; i++) {
            held.add(stream.writes(1 + random.nextInt(3), payloadBytes));
        }
        sender.wake();
    }

    /** The stream is in order from here on, on this replica. */
    void order(UUID replica) {
        held.add(stream.ordered(replica));
        sender.wake();
    }

    Position last() {
        return stream.last();
    }

    long generation() {
        return stream.last().generation();
    }

    @Override
    public Hello greeting() {
        return new Hello(machine, generation(), 1, 1, "test");
    }

    @Override
    public void resume(Welcome welcomed) {
        welcome = welcomed;
        streaming = true;
        journaled = journaled.max(welcomed.journaled().min(welcomed.durable()));
        Position durable = welcomed.durable();
        boolean covered = durable.generation() == generation() ? durable.isAtLeast(released) : released.sequence() == 0;
        if (!covered) {
            begin(journaled);
        }
        nextIndex = 0;
        while (nextIndex < held.size() && durable.isAtLeast(held.get(nextIndex).last())) {
            nextIndex++;
        }
    }

    @Override
    public @Nullable Frame next() {
        return streaming && nextIndex < held.size() ? held.get(nextIndex++).retain() : null;
    }

    @Override
    public void progress(Positions told) {
        positions = told;
        journaled = journaled.max(told.journaled());
        while (!held.isEmpty() && nextIndex > 0 && told.spooled().isAtLeast(held.getFirst().last())) {
            released = held.getFirst().last();
            held.removeFirst().release();
            nextIndex--;
        }
    }

    @Override
    public void control(Frame frame) {
        try {
            if (frame.type() == FrameType.DIGESTS) {
                digests.add(Digests.read(frame));
            }
        } catch (MalformedBodyException broken) {
            throw new IllegalStateException(broken);
        } finally {
            frame.release();
        }
    }

    @Override
    public void resend(Resend resend) {
        resends.add(resend);
    }

    @Override
    public Reaction refused(Refusal refusal) {
        refusals.add(refusal.fault());
        return switch (refusal.fault()) {
            case STALE_GENERATION, FENCED, DISK_MISMATCH -> Reaction.STOP;
            case BASIS_UNKNOWN -> {
                begin(Position.NONE);
                yield Reaction.RETRY;
            }
            default -> Reaction.RETRY;
        };
    }

    @Override
    public void disconnected() {
        streaming = false;
    }

    void close() {
        sender.close();
        drop(held.size());
    }
}

package io.backhaul.processserver;

import io.backhaul.engine.link.Link;
import io.backhaul.engine.log.StreamFixture;
import io.backhaul.engine.stream.FrameSink;
import io.backhaul.engine.stream.StreamReceiver;
import io.backhaul.engine.stream.TestLoop;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A master target that journals after a while, and refuses what it is told to. */
final class TestTarget implements FrameSink {
    static final UUID REPLICA = new UUID(1, 1);
    private final TestLoop loop;
    private final UUID machine;
    private final List<Runnable> settled = new ArrayList<>();
    /** What it has journaled, by the position of the first record. */
    final Map<Position, String> journal = new LinkedHashMap<>();
    final List<Position> generations = new ArrayList<>();
    long journalNanos = 1_000_000;
    @Nullable
    FaultCode refusesHello;
    @Nullable
    FaultCode refusesGeneration;
    boolean holds;
    int welcomes;
    private final List<Runnable> heldBack = new ArrayList<>();
    private @Nullable StreamReceiver receiver;
    private Position accepted = Position.NONE;
    private Position journaled = Position.NONE;
    private int epoch;

    TestTarget(TestLoop loop, UUID machine) {
        this.loop = loop;
        this.machine = machine;
    }

    /** The machine comes another way now. */
    void displace() {
        if (receiver != null) {
            receiver.refuse(FaultCode.DISPLACED, "a newer link");
            receiver = null;
        }
    }

    void welcome(Link link, Hello hello) {
        welcomes++;
        displace();
        StreamReceiver fresh = new StreamReceiver(
                new StreamReceiver.Ports(loop, ByteBufAllocator.DEFAULT, RelayWorld.TIMING, 16 << 20), link, hello,
                this,
                () -> {});
        receiver = fresh;
        link.attach(loop, fresh);
        fresh.begin();
    }

    /** Its process is killed; what is not journaled is lost. */
    void restart() {
        epoch++;
        accepted = journaled;
        heldBack.clear();
        if (receiver != null) {
            receiver.refuse(FaultCode.SHUTTING_DOWN, "restart");
            receiver = null;
        }
    }

    /** The journal is lost behind a position. */
    void lose(Position upTo) {
        restart();
        journaled = upTo;
        accepted = upTo;
        journal.keySet().removeIf(position -> position.compareTo(upTo) > 0);
    }

    void holdBack(boolean hold) {
        holds = hold;
        if (!hold) {
            List<Runnable> now = new ArrayList<>(heldBack);
            heldBack.clear();
            now.forEach(Runnable::run);
        }
    }

    Position journaled() {
        return journaled;
    }

    @Override
    public Position accepted() {
        return accepted;
    }

    @Override
    public Positions positions() {
        return new Positions(machine, accepted, accepted, accepted, journaled, Position.NONE);
    }

    @Override
    public void whenSettled(Runnable task) {
        if (accepted.equals(journaled)) {
            task.run();
        } else {
            settled.add(task);
        }
    }

    @Override
    public @Nullable Refusal admit(Hello hello) {
        if (hello.generation() != 0 && hello.generation() < accepted.generation()) {
            return new Refusal(machine, FaultCode.STALE_GENERATION, "generation " + hello.generation());
        }
        return refusesHello == null ? null : new Refusal(machine, refusesHello, "as told");
    }

    @Override
    public @Nullable Refusal judge(GenerationStart start) {
        if (refusesGeneration != null) {
            return new Refusal(machine, refusesGeneration, "as told");
        }
        if (start.basis().compareTo(accepted) > 0) {
            return new Refusal(machine, FaultCode.BASIS_UNKNOWN, "basis " + start.basis() + ", have " + accepted);
        }
        generations.add(start.basis());
        return null;
    }

    @Override
    public @Nullable Refusal judge(FidelityChange change) {
        return change.replica().equals(REPLICA) ? null : new Refusal(machine, FaultCode.BASIS_UNKNOWN, "not this one");
    }

    @Override
    public void accept(Frame frame, Runnable released) {
        accepted = frame.last();
        int born = epoch;
        Runnable work = () -> {
            if (born == epoch) {
                journaled = frame.last();
                journal.put(frame.first(), StreamFixture.hex(frame));
                if (receiver != null) {
                    receiver.progressed();
                }
            }
            frame.release();
            released.run();
            settle();
        };
        if (holds) {
            heldBack.add(work);
        } else {
            loop.schedule(journalNanos, work);
        }
    }

    /** Asks for something again, as often as it is told to. */
    void ask(Resend resend, int times) {
        for (int i = 0; i < times; i++) {
            if (receiver != null) {
                receiver.send(resend.frame(ByteBufAllocator.DEFAULT));
            }
        }
    }

    private void settle() {
        if (accepted.equals(journaled)) {
            List<Runnable> now = new ArrayList<>(settled);
            settled.clear();
            now.forEach(Runnable::run);
        }
    }

    @Override
    public void control(Frame frame) {
        try {
            DigestRequest request = DigestRequest.read(frame);
            if (receiver != null) {
                receiver.send(Digests.allZero(request, REPLICA).frame(ByteBufAllocator.DEFAULT));
            }
        } catch (MalformedBodyException broken) {
            throw new IllegalStateException(broken);
        } finally {
            frame.release();
        }
    }
}

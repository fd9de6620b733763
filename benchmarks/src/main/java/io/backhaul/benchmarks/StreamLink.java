package io.backhaul.benchmarks;

import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.mastertarget.MasterTargetMachine;
import io.backhaul.protocol.Credit;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A link into a master target in the same process: keeps to its credit, and hears what is journaled. */
final class StreamLink implements Link {
    private final UUID machine;
    private @Nullable Loop loop;
    private @Nullable Listener listener;
    private @Nullable Position durable;
    private long credit;
    private long delivered;
    private Position journaled = Position.NONE;
    private @Nullable Refusal refused;

    StreamLink(UUID machine) {
        this.machine = machine;
    }

    /** Greets the target as generation 1, and waits for its welcome; answers what it has. */
    synchronized Position connect(MasterTargetMachine target) throws InterruptedException {
        target.welcome(this, new Hello(machine, 1, 1, 1, "benchmark"));
        Position known = durable;
        while (known == null) {
            failIfRefused();
            wait();
            known = durable;
        }
        journaled = journaled.max(known);
        return known;
    }

    private void failIfRefused() {
        if (refused != null) {
            throw new IllegalStateException(refused.toString());
        }
    }

    /** Sends a frame once there is credit for it. */
    void deliver(Frame frame) throws InterruptedException {
        Loop owner;
        Listener receiver;
        synchronized (this) {
            while (durable == null || credit < frame.lengthBytes()) {
                failIfRefused();
                wait();
            }
            credit -= frame.lengthBytes();
            delivered += frame.lengthBytes();
            owner = loop;
            receiver = listener;
        }
        if (owner != null && receiver != null) {
            owner.execute(() -> receiver.frame(frame));
        }
    }

    /** What is known to be journaled. */
    synchronized Position journaled() {
        return journaled;
    }

    /** Waits until so much is journaled. */
    synchronized void settle(Position last) throws InterruptedException {
        while (journaled.isBefore(last)) {
            failIfRefused();
            wait();
        }
    }

    @Override
    public Identity peer() {
        return new Identity(Role.PROCESS_SERVER, new UUID(9, 9));
    }

    @Override
    public String remoteAddress() {
        return "here";
    }

    @Override
    public synchronized void attach(Loop owner, Listener next) {
        loop = owner;
        listener = next;
    }

    @Override
    public synchronized void send(Frame frame) {
        try {
            switch (frame.type()) {
                case WELCOME -> {
                    Welcome welcome = Welcome.read(frame);
                    credit = welcome.creditBytes();
                    durable = welcome.durable();
                }
                case CREDIT -> credit += Credit.read(frame).bytes();
                case POSITIONS -> journaled = journaled.max(Positions.read(frame).journaled());
                case REFUSAL -> refused = Refusal.read(frame);
                default -> {
                    // heartbeats
                }
            }
        } catch (MalformedBodyException malformed) {
            throw new IllegalStateException(malformed);
        } finally {
            frame.release();
            notifyAll();
        }
    }

    @Override
    public void hold(boolean nothingMore) {
        throw new UnsupportedOperationException("nobody holds back what comes over this link");
    }

    @Override
    public synchronized long receivedBytes() {
        return delivered;
    }

    @Override
    public long queuedBytes() {
        return 0;
    }

    @Override
    public void close() {
        Loop owner = loop;
        Listener receiver = listener;
        if (owner != null && receiver != null) {
            owner.execute(() -> receiver.closed("the source was stopped"));
        }
    }
}

package io.backhaul.simulation.world;

import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Connections between processes: who listens where, and the cables between hosts. */
public final class SimNetwork {
    private static final long CONNECT_TIMEOUT_NANOS = 5_000_000_000L;
    private final Scheduler scheduler;
    private final Dice dice;
    private final Tally tally;
    private final SortedMap<String, Listening> listeners = new TreeMap<>();
    private final SortedMap<String, Cable> cables = new TreeMap<>();
    private final List<SimLink> standing = new ArrayList<>();
    private final List<Tap> taps = new ArrayList<>();

    private record Listening(SimProcess process, Identity identity, Loop loop, Consumer<Link> acceptor) {}

    /** Sees every frame; frames are lent. */
    public interface Tap {
        /** A process has sent a frame; it may get lost. */
        void sent(SimProcess from, SimProcess to, Frame frame);

        /** A frame has arrived; its receiver will be told. */
        void arrived(SimProcess from, SimProcess to, Frame frame);
    }

    public SimNetwork(Scheduler scheduler, Dice dice, Tally tally) {
        this.scheduler = scheduler;
        this.dice = dice.fork("network");
        this.tally = tally;
    }

    Scheduler scheduler() {
        return scheduler;
    }

    Dice dice() {
        return dice;
    }

    Tally tally() {
        return tally;
    }

    public void tap(Tap tap) {
        taps.add(tap);
    }

    void sent(SimProcess from, SimProcess to, Frame frame) {
        taps.forEach(tap -> tap.sent(from, to, frame));
    }

    void arrived(SimProcess from, SimProcess to, Frame frame) {
        taps.forEach(tap -> tap.arrived(from, to, frame));
    }

    /** The cable between two hosts. */
    public Cable cable(SimHost one, SimHost other) {
        String name = one.name().compareTo(other.name()) < 0 ? one.name() + "-" + other.name()
                : other.name() + "-" + one.name();
        return cables.computeIfAbsent(name, Cable::new);
    }

    /** Accepts connections at an address, on a loop of the process, until the process ends. */
    public void listen(SimProcess process, String address, Identity identity, Consumer<Link> acceptor) {
        listeners.put(address, new Listening(process, identity, process.newLoop(), acceptor));
    }

    /** Makes connections for a process, which shows its identity to every peer. */
    public Dialler dialler(SimProcess process, Identity identity) {
        return (address, role, loop, outcome) -> scheduler.after(dice.scaled(100_000, 5_000_000), process,
                () -> dial(new Attempt(process, identity, address, role, loop, outcome)));
    }

    private record Attempt(SimProcess process, Identity identity, String address, Role role, Loop loop,
            Dialler.Outcome outcome) {
        void fail(FaultCode code, String why) {
            loop.execute(() -> outcome.failed(code, why));
        }
    }

    private void dial(Attempt attempt) {
        Listening target = listeners.get(attempt.address());
        if (target == null) {
            attempt.fail(FaultCode.UNREACHABLE, attempt.address() + ": connection refused");
            return;
        }
        Cable cable = cable(attempt.process().host(), target.process().host());
        if (cable.mode() == Cable.Mode.SILENT || cable.mode() == Cable.Mode.STALLED) {
            tally.count("link: dial unanswered");
            scheduler.after(CONNECT_TIMEOUT_NANOS, attempt.process(),
                    () -> attempt.fail(FaultCode.UNREACHABLE, attempt.address() + ": connection timed out"));
        } else if (cable.mode() == Cable.Mode.REFUSING || !target.process().isAlive()) {
            tally.count("link: dial refused");
            attempt.fail(FaultCode.UNREACHABLE, attempt.address() + ": connection refused");
        } else if (target.identity().role() != attempt.role()) {
            attempt.fail(FaultCode.TLS_FAILED, "the peer is " + target.identity());
        } else {
            connect(attempt, target, cable);
        }
    }

    private void connect(Attempt attempt, Listening target, Cable cable) {
        SimLink near = new SimLink(this, new SimLink.End(attempt.process(), target.identity(), attempt.address()),
                cable);
        SimLink far = new SimLink(this,
                new SimLink.End(target.process(), attempt.identity(), attempt.process().name()), cable);
        near.join(far);
        standing.add(near);
        scheduler.log().show(scheduler.nanos(), attempt.process().name(),
                () -> "connects to " + target.process().name());
        Link accepted = far;
        scheduler.after(cable.travelNanos(dice), target.process(),
                () -> target.loop().execute(() -> target.acceptor().accept(accepted)));
        scheduler.after(2 * cable.travelNanos(dice), attempt.process(),
                () -> attempt.loop().execute(() -> attempt.outcome().connected(near)));
    }

    /** Cuts all connections between two hosts; both sides are told. */
    public void cut(Cable cable) {
        for (SimLink link : List.copyOf(standing)) {
            if (link.cable() == cable) {
                link.cut();
            }
        }
    }

    void ended(SimLink link) {
        standing.remove(link);
    }
}

package io.backhaul.simulation;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.OfferedLinks;
import io.backhaul.engine.stream.Reception;
import io.backhaul.processserver.RateRule;
import io.backhaul.processserver.Relay;
import io.backhaul.processserver.RelayLimits;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.SimDrive;
import io.backhaul.simulation.world.SimNetwork;
import io.backhaul.simulation.world.SimProcess;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;

/** A process server on simulated ports. */
final class RelayPart implements Station.Part {
    private final Loop loop;
    private final Relay relay;
    private final FaultLog faults;

    /**
     * What is there before it starts.
     *
     * @param dialIn
     *            master targets that are not dialled, but dial in
     */
    record Site(Identity identity, String address, Supplier<String> target, SimDrive spool, SimNetwork network,
            Supplier<RelayLimits> limits, Set<UUID> dialIn, Dice dice) {}

    private RelayPart(SimProcess process, Site site) {
        this.faults = new FaultLog(process.clock());
        RelayLimits limits = site.limits().get();
        String target = site.target().get();
        this.loop = process.newLoop();
        OfferedLinks offered = new OfferedLinks(new OfferedLinks.Ports(loop, process.allocator(), limits.timing(),
                site.network().dialler(process, site.identity()), faults), site.dialIn());
        this.relay = new Relay(new Relay.Ports(loop, process::newLoop, name -> process.newLane(),
                site.spool().mount(process), offered,
                site.dice().fork(process.name()), process.allocator(), faults), limits,
                machine -> machine.equals(Scene.MACHINE) ? target : null);
        var _ = relay.resume().whenComplete((machines, failed) -> {
            if (failed != null) {
                process.host().scheduler().log().say(process.host().scheduler().nanos(), process.name(),
                        "cannot start: " + failed.getMessage());
                process.host().kill();
            } else {
                Reception reception = new Reception(
                        new Reception.Ports(loop, process.allocator(), limits.timing(), 16, faults), relay);
                site.network().listen(process, site.address(), site.identity(),
                        link -> (link.peer().role() == Role.MASTER_TARGET ? offered : reception).accepted(link));
            }
        });
    }

    static RelayPart start(SimProcess process, Site site) {
        return new RelayPart(process, site);
    }

    /** Other rules from now on. */
    void limit(List<RateRule> rules) {
        loop.execute(() -> relay.limit(rules));
    }

    Relay relay() {
        return relay;
    }

    @Override
    public FaultLog faults() {
        return faults;
    }

    @Override
    public void stop(Runnable stopped) {
        // The lanes finish what they have before the process ends; so long it is given.
        var _ = relay.close().thenRun(() -> loop.schedule(2_000_000_000L, stopped));
    }
}

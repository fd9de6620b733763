package io.backhaul.simulation;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.LinkOffers;
import io.backhaul.engine.stream.Reception;
import io.backhaul.mastertarget.MasterTargetMachine;
import io.backhaul.mastertarget.MachineStatus;
import io.backhaul.mastertarget.PointName;
import io.backhaul.mastertarget.RecoveryPoints;
import io.backhaul.mastertarget.View;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Refusal;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.SimDrive;
import io.backhaul.simulation.world.SimNetwork;
import io.backhaul.simulation.world.SimProcess;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A master target for one machine on simulated ports. */
final class TargetPart implements Station.Part {
    private final SimProcess process;
    private final Loop loop;
    private final MasterTargetMachine machine;
    private final FaultLog faults;
    private final List<View> open = new ArrayList<>();

    /**
     * What is there before it starts.
     *
     * @param dials
     *            process servers that it dials, since they do not dial it
     */
    record Site(UUID machine, Identity identity, String address, SimDrive volume, SimBaseDisks disks,
            SimNetwork network,
            Supplier<MasterTargetMachine.Setup> setup, List<String> dials, Dice dice) {}

    private TargetPart(SimProcess process, Site site) {
        this.process = process;
        this.loop = process.newLoop();
        this.faults = new FaultLog(process.clock());
        MasterTargetMachine.Setup setup = site.setup().get();
        var lanes = new MasterTargetMachine.Lanes(process.newLane(), process.newLane(), process.newLane(),
                process.newLane(), process.newLane(), process.newLane());
        this.machine = new MasterTargetMachine(site.machine(),
                new MasterTargetMachine.Ports(loop, lanes, site.volume().mount(process), site.disks().of(process),
                        site.dice().fork(process.name()), process.allocator(), faults),
                setup);
        Loop doorstep = process.newLoop();
        Reception[] reception = new Reception[1];
        reception[0] = new Reception(
                new Reception.Ports(doorstep, process.allocator(), setup.timing(), 16, faults),
                (link, hello) -> {
                    if (hello.machine().equals(site.machine())) {
                        machine.welcome(link, hello);
                    } else {
                        reception[0].refuse(link,
                                new Refusal(hello.machine(), FaultCode.UNKNOWN_MACHINE, "not assigned"));
                    }
                });
        site.network().listen(process, site.address(), site.identity(), reception[0]::accepted);
        loop.execute(machine::begin);
        if (!site.dials().isEmpty()) {
            var offering = new LinkOffers.Ports(doorstep, process.allocator(), setup.timing(),
                    site.network().dialler(process, site.identity()), site.dice().fork("offers " + process.name()),
                    faults);
            site.dials().forEach(relay -> new LinkOffers(offering, relay, reception[0]));
        }
    }

    static TargetPart start(SimProcess process, Site site) {
        return new TargetPart(process, site);
    }

    @Override
    public FaultLog faults() {
        return faults;
    }

    SimProcess process() {
        return process;
    }

    /** Runs a question to the machine on its loop. */
    void ask(Consumer<MasterTargetMachine> question) {
        loop.execute(() -> question.accept(machine));
    }

    /** What is offered, as the machine's loop would say just now. */
    RecoveryPoints points() {
        return machine.points();
    }

    boolean isPromoted() {
        String state = machine.status().state();
        return state.startsWith("PROMOT") || state.equals("COMMITTED");
    }

    MachineStatus status() {
        return machine.status();
    }

    /** Opens a view; {@code outcome} hears it, or null and why not. It is closed when the master target stops. */
    void openView(PointName name, BiConsumer<@Nullable View, String> outcome) {
        ask(target -> target.openView(name, "simulation", new MasterTargetMachine.ViewOutcome() {
            @Override
            public void opened(View view) {
                open.add(view);
                outcome.accept(view, "");
            }

            @Override
            public void failed(String why) {
                outcome.accept(null, why);
            }
        }));
    }

    /** Lets a view go. */
    void close(View view) {
        if (open.remove(view)) {
            view.close();
        }
    }

    boolean isOpen(View view) {
        return open.contains(view);
    }

    /** Promotes; {@code outcome} hears the position, or null and why not. */
    void promote(PointName name, boolean commits, BiConsumer<@Nullable Position, String> outcome) {
        ask(target -> target.promote(name, commits, told(outcome)));
    }

    /** Gives up all points but the one that was promoted to. */
    void commit(BiConsumer<@Nullable Position, String> outcome) {
        ask(target -> target.commit(told(outcome)));
    }

    private static MasterTargetMachine.PromotionOutcome told(BiConsumer<@Nullable Position, String> outcome) {
        return new MasterTargetMachine.PromotionOutcome() {
            @Override
            public void done(Position position, long foldBytes, long checkedBytes) {
                outcome.accept(position, "");
            }

            @Override
            public void failed(String why) {
                outcome.accept(null, why);
            }
        };
    }

    /** Reads back what is stored; {@code outcome} hears what has rotted, or null and why it is not known. */
    void scrub(BiConsumer<@Nullable List<MachineStatus.Damage>, String> outcome) {
        ask(target -> target.scrub(new MasterTargetMachine.ScrubOutcome() {
            @Override
            public void done(long bytes, List<MachineStatus.Damage> damaged) {
                outcome.accept(damaged, "");
            }

            @Override
            public void failed(String why) {
                outcome.accept(null, why);
            }
        }));
    }

    @Override
    public void stop(Runnable stopped) {
        List.copyOf(open).forEach(this::close);
        ask(target -> target.close(stopped));
    }
}

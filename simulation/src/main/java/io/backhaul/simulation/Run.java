package io.backhaul.simulation;

import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Cable;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.EventLog;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.SimDrive;
import io.backhaul.simulation.world.SimNetwork;
import io.backhaul.simulation.world.SimProcess;
import io.backhaul.simulation.world.Tally;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One life of the system, from a plan: faults strike while the guest writes, then they end, and in bounded time everything
 * must be alike and ORDERED. Advances event by event, so that two runs can be compared in lock step.
 */
final class Run {
    private static final long SECOND = 1_000_000_000L;
    private static final long LOOK_NANOS = SECOND / 2;
    /** How long after the last fault everything may take to be alike again. */
    private static final long PATIENCE_NANOS = 900 * SECOND;
    /** How long is looked on where the journal is damaged so that nothing mends it. */
    private static final long ROTTEN_NANOS = 180 * SECOND;
    private static final long MAX_EVENTS = 12_000_000;

    private enum Phase {
        CHAOS, CALM, DONE
    }

    private final Plan plan;
    private final EventLog log;
    private final Scene scene;
    private final Scheduler scheduler;
    private final Judge judge;
    private final Operator operator;
    private final Notary notary;
    private final Faults faults;
    private Phase phase = Phase.CHAOS;
    private long calmSinceNanos;
    private final Set<String> noted = new HashSet<>();
    private boolean judging;
    private boolean fenced;
    private long looks;

    Run(Plan plan, EventLog log) {
        this.plan = plan;
        this.log = log;
        this.scene = new Scene(plan, log);
        this.scheduler = scene.scheduler();
        this.judge = new Judge(scene);
        this.operator = new Operator(scene, judge);
        this.notary = new Notary(scene);
        this.faults = new Faults(scheduler, scene.tally(), new Targets(), plan.seed());
        scene.begin();
        faults.begin(plan.faults());
        notary.begin();
        scheduler.after(LOOK_NANOS, this::look);
        scheduler.after(plan.chaosNanos(), this::calmDown);
    }

    /** What came of a run. */
    record Outcome(Plan plan, @Nullable Throwable failure, long events, long virtualNanos, long hash, Tally tally) {
        boolean isGood() {
            return failure == null;
        }
    }

    /** Runs to the end. */
    Outcome go() {
        Throwable failure = null;
        try {
            while (step()) {
                // One event after another.
            }
        } catch (RuntimeException | Error found) {
            failure = found;
            log.show(scheduler.nanos(), "run", () -> "ends with " + found);
        } finally {
            scene.close();
        }
        return new Outcome(plan, failure, scheduler.eventsRun(), scheduler.nanos(), log.hash(), scene.tally());
    }

    /** Runs one event; false where the run has ended. */
    boolean step() {
        if (phase == Phase.DONE || !scheduler.step()) {
            return false;
        }
        if (scheduler.eventsRun() % 64 == 0) {
            checkCheaply();
        }
        return true;
    }

    /** Ends all processes. */
    void close() {
        scene.close();
    }

    long hash() {
        return log.hash();
    }

    private void checkCheaply() {
        for (Station<?> station : scene.stations()) {
            SimProcess process = station.host().process();
            if (process != null && process.isAlive()) {
                long bound = scene.memoryBoundBytes(station.host().name());
                Violation.unless(process.peakBuffersBytes() <= bound, Invariant.MEMORY_IS_BOUNDED,
                        () -> process.name() + " has held " + process.peakBuffersBytes() + " bytes of buffers; bound "
                                + bound);
            }
        }
        if (scheduler.eventsRun() > MAX_EVENTS) {
            throw new Violation(Invariant.CONVERGES, "more than " + MAX_EVENTS + " events: something spins");
        }
    }

    private void look() {
        for (Station<TargetPart> station : scene.targets()) {
            TargetPart target = station.part();
            if (target != null) {
                judge.look(target);
            }
        }
        scene.lookAtTheSource();
        scene.verifications().look();
        if (looks++ % 8 == 0) {
            scene.stations().forEach(this::noteFaults);
            operator.heed();
        }
        TargetPart current = scene.target().part();
        if (phase == Phase.CHAOS && !fenced && current != null && current.isPromoted()) {
            // What can still happen is over soon: the source is fenced.
            fenced = true;
            scheduler.after(60 * SECOND, this::calmDown);
        }
        if (phase == Phase.CALM) {
            lookForTheEnd();
        }
        if (phase != Phase.DONE) {
            scheduler.after(LOOK_NANOS, this::look);
        }
    }

    /** Which faults the parts have named, each once in the life of a process. */
    private void noteFaults(Station<?> station) {
        Station.Part part = station.part();
        SimProcess process = station.host().process();
        if (part != null && process != null) {
            for (FaultCode code : FaultCode.values()) {
                if (part.faults().total(code) > 0) {
                    String name = "reported: " + code;
                    if (noted.add(process.name() + name)) {
                        scene.tally().count(name);
                    }
                }
            }
        }
    }

    private void calmDown() {
        if (phase != Phase.CHAOS) {
            return;
        }
        phase = Phase.CALM;
        calmSinceNanos = scheduler.nanos();
        faults.end();
        scheduler.after(60 * SECOND, judge::faultsAreOver);
        if (scene.isRotten(scene.target().host().name())) {
            scheduler.after(61 * SECOND, () -> operator.readBack(scene.target()));
        }
        scheduler.after(20 * SECOND, scene.guest()::stop);
        scheduler.after(40 * SECOND, notary::stop);
        if (plan.shape().scans()) {
            scheduler.after(21 * SECOND, scene.source()::restart);
        }
    }

    private void lookForTheEnd() {
        if (scene.isRotten(scene.target().host().name()) && !operator.mustHeal(scene.target())) {
            phase = scheduler.nanos() - calmSinceNanos > ROTTEN_NANOS ? Phase.DONE : phase;
            return;
        }
        if (scheduler.nanos() - calmSinceNanos > PATIENCE_NANOS) {
            throw new Violation(Invariant.CONVERGES, "after " + PATIENCE_NANOS / SECOND + " s: " + scene.standing());
        }
        SourcePart source = scene.source().part();
        TargetPart target = scene.target().part();
        KernelDoor kernel = scene.kernel();
        if (target != null && (target.status().state().equals("PROMOTED")
                || target.status().state().equals("COMMITTED"))) {
            operator.lookAtPromoted(scene.target(), target.status().base());
            phase = Phase.DONE;
            return;
        }
        if (source == null || target == null || judging || scene.oracle().isExempting() || scene.guest().isBusy()
                || (kernel != null && !kernel.isRead())
                || scheduler.nanos() - calmSinceNanos < 61 * SECOND) {
            return;
        }
        Position captured = source.captured();
        if (captured != null && source.isOrdered() && target.points().newest().equals(captured)) {
            judging = true;
            scheduler.after(60 * SECOND, () -> judging = false);
            if (kernel != null) {
                int now = scene.oracle().state();
                scene.oracle().witness(captured, new Oracle.Bounds(now, now));
            }
            judge.tryView(target, captured, true, state -> {
                Violation.unless(scene.oracle().isLikeNow(state), Invariant.CONVERGES,
                        () -> captured + " is state " + state + ", the disks are in state " + scene.oracle().state());
                phase = Phase.DONE;
            });
        }
    }

    /** What faults strike. */
    private final class Targets implements Faults.Targets {
        @Override
        public SimNetwork network() {
            return scene.network();
        }

        @Override
        public List<Cable> cables() {
            return scene.cables();
        }

        @Override
        public List<Station<?>> stations() {
            return scene.stations();
        }

        @Override
        public List<SimDrive> drives() {
            return scene.drives();
        }

        @Override
        public List<SimDisk> disks() {
            return scene.allDisks();
        }

        @Override
        public void loseSpool(Dice dice) {
            scene.loseSpool(dice);
        }

        @Override
        public boolean flipBit(Dice dice) {
            return scene.flipBit(dice);
        }

        @Override
        public boolean writePastCapture(Dice dice) {
            return scene.writePastCapture(dice);
        }

        @Override
        public void overflow(Dice dice) {
            scene.guest().burst(dice.scaled(100, 2000));
            if (scene.kernel() != null && plan.faults().containsKey(FaultKind.KILL) && dice.chance(0.5)) {
                // Where much is written memory is short, and the agent is killed while the guest goes on.
                scene.source().kill(false);
            }
        }

        @Override
        public void operate(FaultKind kind, Dice dice) {
            operator.act(kind, dice);
        }

        @Override
        public void mended() {
            operator.end();
        }
    }
}

package io.backhaul.simulation;

import io.backhaul.mastertarget.MachineStatus;
import io.backhaul.mastertarget.PointName;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.Tally;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The human: marks, looks at points, writes to views, resyncs, moves, changes settings and promotes, at any time. */
final class Operator {
    private static final long SECOND = 1_000_000_000L;
    private static final long PATIENCE_NANOS = 60 * SECOND;
    private static final int INSISTS = 30;
    private static final int VIEWS = 20;
    private final Scene scene;
    private final Judge judge;
    private final Rehearsal rehearsal;
    private final Decommission decommission;
    private final Limiting limiting;
    private final Stranger stranger;
    private final Afterthought afterthought;
    private final Tally tally;
    private @Nullable SimDisk changed;
    /** Where the machine has been promoted, or may have been: nobody heard how it ended. */
    private final Set<Station<TargetPart>> promoted = new HashSet<>();
    private long heedsFromNanos;
    private int marks;

    Operator(Scene scene, Judge judge) {
        this.scene = scene;
        this.judge = judge;
        this.rehearsal = new Rehearsal(scene);
        this.decommission = new Decommission(scene);
        this.limiting = new Limiting(scene);
        this.stranger = new Stranger(scene);
        this.afterthought = new Afterthought(scene, judge);
        this.tally = scene.tally();
        if (scene.kernel() != null) {
            Dice dice = new Dice(scene.plan().seed(), "insistence");
            scene.source().host().onDeath(dead -> insist(dice.chance(0.9) ? INSISTS : 0, dice));
        }
    }

    /** A script wants a mark of a source that has gone away, before and after it is there again. */
    private void insist(int times, Dice dice) {
        if (times > 0) {
            scene.scheduler().after(dice.scaled(SECOND / 1000, 2 * SECOND), () -> {
                mark(dice);
                insist(times - 1, dice);
            });
        }
    }

    void act(FaultKind kind, Dice dice) {
        switch (kind) {
            case RESYNC -> resync();
            case SETTINGS -> changeSettings(dice);
            case MOVE -> move(dice);
            case DECOMMISSION -> decommission.begin(dice);
            case JOURNAL_LOST -> loseJournal(dice);
            case JOURNAL_ROT -> say(kind, scene.rotJournal(dice) ? scene.target().host().name() : "nothing");
            case BASE_ROT -> say(kind, scene.rotBase(dice) ? scene.target().host().name() : "nothing");
            case DISK_CHANGED -> changeDisk(dice);
            case STATE_ROT -> say(kind, scene.rotState(dice));
            case RATE_LIMIT -> limiting.change(dice);
            case STRANGER -> stranger.knock(dice);
            case PROMOTE -> promote(dice);
            default -> usual(dice);
        }
    }

    /** What is under way comes to its end. */
    void end() {
        decommission.end();
        limiting.end();
        mendDisk();
    }

    /**
     * Does as the agent says when it gives up before what it takes for another agent: a machine that has lost its state
     * and comes back to a master target of before meets its own generations. There is one agent only, and it is the right
     * one. Not more often than a human would.
     */
    void heed() {
        SourcePart source = scene.source().part();
        long now = scene.scheduler().nanos();
        if (source != null && now >= heedsFromNanos) {
            heedsFromNanos = now + PATIENCE_NANOS;
            source.askWhetherHalted(FaultCode.STALE_GENERATION, () -> {
                say("the agent is started again, as it asks", "source");
                tally.count("operator: heeded");
                scene.source().restart();
            });
        }
    }

    /** A disk is smaller when the agent starts anew; what was replicated so far does not fit. */
    private void changeDisk(Dice dice) {
        Position journaled = scene.witness().journaledAt(scene.target().host().name());
        if (changed != null || journaled.equals(Position.NONE)) {
            return;
        }
        SimDisk disk = dice.pick(scene.protectedDisks());
        changed = disk;
        say(disk.name() + " is smaller", "source");
        restart(scene.source(), dice, () -> resize(disk, disk.sizeBytes() - 4096L * (1 + dice.nextInt(8))));
        scene.scheduler().after(dice.scaled(5 * SECOND, 90 * SECOND), this::mendDisk);
    }

    /** The operator gives the disk its size back, and starts the agent anew, which had given up. */
    private void mendDisk() {
        SimDisk disk = changed;
        if (disk != null) {
            changed = null;
            say(disk.name() + " is as it was", "source");
            resize(disk, disk.sizeBytes());
            scene.source().kill(false);
        }
    }

    private void resize(SimDisk disk, long bytes) {
        if (bytes == disk.sizeBytes() || changed == disk) {
            disk.show(bytes);
            scene.witness().allowBaseline("a disk has changed its size");
        }
    }

    private void say(Object what, String where) {
        scene.scheduler().log().say(scene.scheduler().nanos(), "operator", what + " at " + where);
    }

    private void usual(Dice dice) {
        double choice = dice.nextDouble();
        if (scene.plan().shape().scans() && choice < 0.15) {
            scene.source().restart();
        } else if (choice < 0.5) {
            view(dice);
        } else if (choice < 0.6) {
            rehearse(dice);
        } else if (choice < 0.93) {
            mark(dice);
        } else {
            plan();
        }
    }

    private void promote(Dice dice) {
        Station<TargetPart> station = dice.pick(scene.targets());
        TargetPart target = station.part();
        if (target == null) {
            return;
        }
        tally.count("operator: promote");
        PointName name = dice.nextBoolean() ? new PointName.Latest() : judge.anyPoint(target);
        promoted.add(station);
        target.promote(name, false, (position, why) -> {
            if (position == null && !target.isPromoted()) {
                promoted.remove(station);
            }
            scene.scheduler().log().show(scene.scheduler().nanos(), "operator",
                    () -> "promotion of " + name + ": " + position + " " + why);
            if (position != null) {
                judge.lookAtPromoted(station.host(), position);
                afterthought.begin(station);
            }
        });
    }

    /** The promoted disks are what they were promoted to, or what somebody has written to them since. */
    void lookAtPromoted(Station<TargetPart> station, Position position) {
        if (!afterthought.lookAtUsed(station)) {
            judge.lookAtPromoted(station.host(), position);
        }
    }

    /** Has what is stored read back: what is offered afterwards can be opened, whatever has rotted. */
    void readBack(Station<TargetPart> station) {
        TargetPart target = station.part();
        if (target == null) {
            return;
        }
        target.scrub((damaged, why) -> {
            scene.scheduler().log().show(scene.scheduler().nanos(), "operator", () -> "read back: " + damaged + why);
            if (damaged != null) {
                tally.count(damaged.isEmpty() ? "scrub: nothing" : "scrub: damage");
                scene.readBack(station.host().name());
                for (int i = 0; i < VIEWS; i++) {
                    judge.tryAnyView(target);
                }
            }
        });
    }

    /**
     * Whether points up to the newest one must be offered again though the journal has rotted: what is damaged has been found,
     * and it is known what it was.
     */
    boolean mustHeal(Station<TargetPart> station) {
        TargetPart target = station.part();
        if (target == null || scene.isRottenUnread(station.host().name())) {
            return false;
        }
        MachineStatus status = target.status();
        return status.trouble().isEmpty() && status.scrub().damaged().stream()
                .noneMatch(each -> each.what().contains(MachineStatus.UNKNOWN));
    }

    private void view(Dice dice) {
        TargetPart target = dice.pick(scene.targets()).part();
        if (target != null) {
            tally.count("operator: view");
            judge.tryAnyView(target);
        }
    }

    private void rehearse(Dice dice) {
        TargetPart target = dice.pick(scene.targets()).part();
        if (target != null) {
            tally.count("operator: writable view");
            rehearsal.begin(target, judge.anyPoint(target));
        }
    }

    private void mark(Dice dice) {
        SourcePart source = scene.source().part();
        if (source == null) {
            return;
        }
        tally.count("operator: mark");
        KernelDoor kernel = scene.kernel();
        if (kernel != null) {
            kernel.marking(source);
        }
        String label = "mark " + ++marks;
        int before = scene.oracle().state();
        source.mark(label, dice.nextBoolean(), (position, why) -> {
            Scheduler scheduler = scene.scheduler();
            scheduler.log().show(scheduler.nanos(), "operator", () -> label + " at " + position + " " + why);
            if (position != null) {
                tally.count("operator: mark answered");
                scene.oracle().witness(position, new Oracle.Bounds(before, scene.oracle().state()));
                String host = scene.target().host().name();
                if (scene.witness().journaledAt(host).isAtLeast(position)) {
                    judge.marked(host, position, label);
                }
            } else {
                tally.count("operator: mark refused");
            }
        });
    }

    private void plan() {
        SourcePart source = scene.source().part();
        if (source != null) {
            tally.count("operator: plan");
            source.plan(
                    (bytes, why) -> tally.count(bytes == null ? "operator: plan refused" : "operator: plan answered"));
        }
    }

    private void resync() {
        SourcePart source = scene.source().part();
        if (source != null) {
            tally.count("operator: resync");
            scene.witness().allowBaseline("the operator asked for it");
            source.resync((position, why) -> scene.scheduler().log().show(scene.scheduler().nanos(), "operator",
                    () -> "resync from " + position + " " + why));
        }
    }

    /** Changes what a configuration file says and starts the part anew, in order or not. */
    private void changeSettings(Dice dice) {
        Config config = scene.config();
        int choice = dice.nextInt(3);
        if (choice == 0) {
            config.changeSource(dice);
            int before = config.granularityBytes();
            if (dice.chance(0.1)) {
                config.changeGranularity(dice);
            }
            boolean mapFits = config.granularityBytes() == before;
            restart(scene.source(), dice, () -> {
                if (!mapFits) {
                    tally.count("settings: granularity");
                    scene.witness().allowBaseline("the granularity of the dirty map was changed");
                }
            });
        } else if (choice == 1) {
            config.changeTarget(dice);
            restart(dice.pick(scene.targets()), dice, () -> {});
        } else {
            int relay = dice.nextInt(scene.relays().size());
            config.changeRelay(relay, dice);
            restart(scene.relays().get(relay), dice, () -> {});
        }
    }

    private void restart(Station<?> station, Dice dice, Runnable between) {
        say("new settings", station.host().name());
        if (!station.isUp()) {
            between.run();
        } else if (dice.chance(0.7)) {
            station.restart(between);
        } else {
            station.kill(false);
            between.run();
        }
    }

    /** All process servers are told of the other master target, and started anew. */
    private void move(Dice dice) {
        int next = (scene.config().target() + 1) % scene.targets().size();
        TargetPart there = scene.targets().get(next).part();
        if (there == null || !promoted.isEmpty() || next == scene.config().target()) {
            return;
        }
        say("the machine moves", Scene.targetHost(next));
        tally.count("operator: move");
        scene.config().moveTo(next);
        List<Station<RelayPart>> relays = scene.relays();
        scene.continuityIsLost("the machine was given to another master target");
        relays.forEach(relay -> restart(relay, dice, () -> {
            scene.witness().diskLost(relay.host());
            scene.witness().allowBaseline("the machine was given to another master target");
        }));
    }

    private void loseJournal(Dice dice) {
        Station<TargetPart> station = dice.pick(scene.targets());
        TargetPart target = station.part();
        if (target == null || target.isPromoted()) {
            return;
        }
        say("the journal is lost", station.host().name());
        judge.forget(station.host().name());
        scene.loseJournal(station);
    }
}

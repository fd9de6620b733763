package io.backhaul.simulation;

import io.backhaul.mastertarget.PointName;
import io.backhaul.mastertarget.RecoveryPoints;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What an operator does with promoted disks: chooses another point and yet another, starts the machine from them, which
 * writes to them, and commits. With dice of its own.
 */
final class Afterthought {
    private static final long SECOND = 1_000_000_000L;
    private static final int CHOICES = 6;

    private final Scene scene;
    private final Judge judge;
    private final Scheduler scheduler;
    private final Dice dice;
    private final Map<Station<TargetPart>, List<ByteBuffer>> used = new HashMap<>();
    private int choices;

    Afterthought(Scene scene, Judge judge) {
        this.scene = scene;
        this.judge = judge;
        this.scheduler = scene.scheduler();
        this.dice = new Dice(scene.plan().seed(), "afterthought");
    }

    /** A machine has been promoted there. */
    void begin(Station<TargetPart> station) {
        if (choices++ < CHOICES) {
            scheduler.after(dice.scaled(SECOND / 100, 20 * SECOND), () -> act(station));
        }
    }

    private void act(Station<TargetPart> station) {
        TargetPart target = station.part();
        if (target == null || !target.status().state().equals("PROMOTED")) {
            begin(station);
            return;
        }
        double choice = dice.nextDouble();
        if (choice < 0.35 && !used.containsKey(station)) {
            use(station);
        }
        if (choice < 0.8) {
            choose(station, target, dice.chance(0.2));
        } else {
            commit(station, target);
        }
    }

    /** The machine is started from the disks. */
    private void use(Station<TargetPart> station) {
        SimDisk disk = dice.pick(scene.baseDisks(station.host().name()));
        byte[] sector = new byte[SectorContent.SECTOR_BYTES];
        dice.nextBytes(sector);
        disk.writeBare(dice.nextInt((int) (disk.sizeBytes() / sector.length)) * (long) sector.length,
                ByteBuffer.wrap(sector));
        say("the promoted machine is started", station);
        used.put(station, contents(station));
    }

    private List<ByteBuffer> contents(Station<TargetPart> station) {
        List<ByteBuffer> contents = new ArrayList<>();
        for (SimDisk disk : scene.baseDisks(station.host().name())) {
            ByteBuffer whole = ByteBuffer.allocate((int) disk.sizeBytes());
            disk.peek(0, whole);
            contents.add(whole.clear());
        }
        return contents;
    }

    private void choose(Station<TargetPart> station, TargetPart target, boolean commits) {
        RecoveryPoints points = target.points();
        if (points.intervals().isEmpty()) {
            return;
        }
        Position at = target.status().base();
        RecoveryPoints.Interval interval = dice.pick(points.intervals());
        Position other = new Position(interval.from().generation(),
                dice.between(interval.from().sequence(), interval.to().sequence()));
        boolean isUsed = used.containsKey(station);
        target.promote(new PointName.At(other), commits, (position, why) -> {
            say("another point " + other + ": " + position + " " + why, station);
            if (position == null) {
                scene.tally().add("promotion: refused, as it was written to", isUsed ? 1 : 0);
                lookAtUsed(station);
            } else if (isUsed) {
                Violation.unless(position.equals(at), Invariant.PROMOTED_IS_LEFT_ALONE,
                        () -> "disks at " + at + " that were written to were brought to " + position);
                lookAtUsed(station);
            } else {
                scene.tally().count(commits ? "promotion: committed" : "promotion: another point");
                judge.lookAtPromoted(station.host(), position);
            }
            begin(station);
        });
    }

    private void commit(Station<TargetPart> station, TargetPart target) {
        target.commit((position, why) -> {
            say("committed: " + position + " " + why, station);
            if (position != null) {
                scene.tally().count("promotion: committed");
                if (!lookAtUsed(station)) {
                    judge.lookAtPromoted(station.host(), position);
                }
            }
        });
    }

    /** Disks that somebody has written to are as he left them; false where nobody has. */
    boolean lookAtUsed(Station<TargetPart> station) {
        List<ByteBuffer> left = used.get(station);
        if (left == null) {
            return false;
        }
        Violation.unless(left.equals(contents(station)), Invariant.PROMOTED_IS_LEFT_ALONE,
                () -> "promoted disks have changed since somebody wrote to them");
        return true;
    }

    private void say(String what, Station<TargetPart> station) {
        scheduler.log().show(scheduler.nanos(), "operator", () -> what + " at " + station.host().name());
    }
}

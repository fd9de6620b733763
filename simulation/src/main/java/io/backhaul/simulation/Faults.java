package io.backhaul.simulation;

import io.backhaul.simulation.world.Cable;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.SimDrive;
import io.backhaul.simulation.world.SimNetwork;
import io.backhaul.simulation.world.Tally;
import io.backhaul.simulation.world.Trouble;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Lets faults strike, as often as the plan says, until they are to end; then everything is mended. */
final class Faults {
    private static final long MILLI = 1_000_000L;
    private static final long SECOND = 1_000_000_000L;
    private final Scheduler scheduler;
    private final Tally tally;
    private final Targets targets;
    private final Map<FaultKind, Dice> dice = new EnumMap<>(FaultKind.class);
    private boolean over;

    /** What faults can strike. */
    interface Targets {
        SimNetwork network();

        List<Cable> cables();

        List<? extends Station<?>> stations();

        List<SimDrive> drives();

        List<SimDisk> disks();

        /** A process server's host loses all it has stored. */
        void loseSpool(Dice dice);

        /** A bit flips in a file at rest. */
        boolean flipBit(Dice dice);

        /** Somebody writes to a protected disk, and the agent does not see it; false where nobody can just now. */
        boolean writePastCapture(Dice dice);

        /** The guest writes a lot. */
        void overflow(Dice dice);

        /** The operator, or a stranger, does something. */
        void operate(FaultKind kind, Dice dice);

        /** No fault strikes any more: what was taken away comes back. */
        void mended();
    }

    Faults(Scheduler scheduler, Tally tally, Targets targets, long seed) {
        this.scheduler = scheduler;
        this.tally = tally;
        this.targets = targets;
        for (FaultKind kind : FaultKind.values()) {
            dice.put(kind, new Dice(seed, "fault " + kind));
        }
    }

    void begin(Map<FaultKind, Long> kinds) {
        kinds.forEach(this::next);
    }

    private Dice dice(FaultKind kind) {
        return java.util.Objects.requireNonNull(dice.get(kind));
    }

    private void next(FaultKind kind, long meanNanos) {
        long wait = (long) (-StrictMath.log(1 - dice(kind).nextDouble()) * meanNanos);
        scheduler.after(wait, () -> {
            if (!over) {
                strike(kind);
                next(kind, meanNanos);
            }
        });
    }

    private void strike(FaultKind kind) {
        Dice with = dice(kind);
        switch (kind) {
            case LINK_CUT, LINK_CUT_IN_FRAME, LINK_HALF_OPEN, LINK_STALL, LINK_THROTTLE, LINK_DELAY, LINK_REFUSE ->
                strike(kind, with.pick(targets.cables()), with);
            case KILL -> die(with, false);
            case POWER -> die(with, true);
            case STOP -> {
                Station<?> station = with.pick(targets.stations());
                say(kind, station.host().name());
                station.restart();
            }
            case DISK_READ_ERROR -> fail(kind, Trouble.Kind.READ, with);
            case DISK_WRITE_ERROR -> fail(kind, Trouble.Kind.WRITE, with);
            case DISK_SYNC_ERROR -> fail(kind, Trouble.Kind.SYNC, with);
            case DISK_FULL -> fill(with);
            case DISK_SLOW -> slow(with);
            case BIT_FLIP -> {
                if (targets.flipBit(with)) {
                    say(kind, "somewhere");
                }
            }
            case CLOCK_JUMP -> {
                long micros = with.scaled(1_000, 100_000_000_000L) * (with.nextBoolean() ? 1 : -1);
                tally.count("fault " + kind);
                with.pick(targets.stations()).host().jumpClock(micros);
            }
            case SPOOL_LOST -> {
                say(kind, "a process server");
                targets.loseSpool(with);
            }
            case OVERFLOW -> {
                say(kind, "guest");
                targets.overflow(with);
            }
            case OPERATOR -> targets.operate(kind, with);
            case PAST_CAPTURE -> {
                if (targets.writePastCapture(with)) {
                    say(kind, "a protected disk");
                }
            }
            case RESYNC, SETTINGS, DISK_CHANGED, MOVE, DECOMMISSION, JOURNAL_LOST, JOURNAL_ROT, STATE_ROT, STRANGER,
                    PROMOTE, BASE_ROT, RATE_LIMIT -> {
                tally.count("fault " + kind);
                targets.operate(kind, with);
            }
        }
    }

    private void say(FaultKind kind, String where) {
        tally.count("fault " + kind);
        scheduler.log().say(scheduler.nanos(), "fault", kind + " strikes " + where);
    }

    private void strike(FaultKind kind, Cable cable, Dice with) {
        say(kind, cable.toString());
        switch (kind) {
            case LINK_CUT -> targets.network().cut(cable);
            case LINK_CUT_IN_FRAME -> cable.cutChance(with.pick(List.of(0.001, 0.01, 0.1)));
            case LINK_HALF_OPEN -> cable.mode(Cable.Mode.SILENT);
            case LINK_STALL -> cable.mode(Cable.Mode.STALLED);
            case LINK_REFUSE -> cable.mode(Cable.Mode.REFUSING);
            case LINK_THROTTLE -> cable.rate(with.scaled(10_000, 10_000_000));
            case LINK_DELAY -> cable.latency(with.scaled(MILLI, 2 * SECOND), with.scaled(MILLI, SECOND));
            default -> throw new IllegalArgumentException(kind + " does not strike links");
        }
        if (kind != FaultKind.LINK_CUT) {
            scheduler.after(with.scaled(50 * MILLI, 90 * SECOND), cable::mend);
        }
    }

    private void die(Dice with, boolean power) {
        Station<?> station = with.pick(targets.stations());
        if (!station.isUp()) {
            return;
        }
        say(power ? FaultKind.POWER : FaultKind.KILL, station.host().name());
        if (with.chance(0.5)) {
            station.killAmidWork((int) with.scaled(1, 60), power);
        } else {
            station.kill(power);
        }
    }

    private void fail(FaultKind kind, Trouble.Kind what, Dice with) {
        int choice = with.nextInt(targets.drives().size() + targets.disks().size());
        int disk = choice - targets.drives().size();
        say(kind, disk < 0 ? targets.drives().get(choice).name() : targets.disks().get(disk).name());
        Trouble trouble = disk < 0 ? targets.drives().get(choice).trouble() : targets.disks().get(disk).trouble();
        if (with.nextBoolean()) {
            trouble.failTimes(what, (int) with.scaled(1, 5));
        } else {
            trouble.failFor(what, with.scaled(MILLI, 30 * SECOND));
        }
    }

    private void fill(Dice with) {
        SimDrive drive = with.pick(targets.drives());
        say(FaultKind.DISK_FULL, drive.name());
        long usual = drive.usualBytes();
        drive.resize(Math.min(usual, drive.usedBytes() + with.scaled(1, 1 << 20)));
        scheduler.after(with.scaled(100 * MILLI, 60 * SECOND), () -> drive.resize(usual));
    }

    private void slow(Dice with) {
        Station<?> station = with.pick(targets.stations());
        say(FaultKind.DISK_SLOW, station.host().name());
        station.host().slowDown((double) with.scaled(3, 1000));
        scheduler.after(with.scaled(SECOND, 60 * SECOND), () -> station.host().slowDown(1));
    }

    /** No fault strikes any more, and everything that can be mended is. */
    void end() {
        over = true;
        scheduler.log().say(scheduler.nanos(), "fault", "no more faults");
        targets.cables().forEach(Cable::mend);
        for (SimDrive drive : targets.drives()) {
            drive.trouble().end();
            drive.resize(drive.usualBytes());
        }
        targets.disks().forEach(disk -> disk.trouble().end());
        targets.stations().forEach(station -> station.host().slowDown(1));
        targets.mended();
    }
}

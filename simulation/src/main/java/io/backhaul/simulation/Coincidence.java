package io.backhaul.simulation;

import io.backhaul.simulation.world.Dice;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Short lives in which a few kinds of fault strike again and again, so that they coincide: what one of them hides the others
 * do not. Each is a day as somebody has had it.
 */
enum Coincidence {
    /** Master targets are lost or left while disks are compared, and spools still hold what was compared with them. */
    LOSSES {
        @Override
        Map<FaultKind, Long> faults(Dice dice) {
            Map<FaultKind, Long> faults = often(dice, FaultKind.RESYNC, 8, 40);
            // The next comparison mends what this one has left: who looks must look before.
            faults.put(FaultKind.OPERATOR, SECOND);
            boolean moves = dice.chance(0.4);
            faults.put(moves ? FaultKind.MOVE : FaultKind.JOURNAL_LOST, seconds(dice, 10, 60));
            faults.put(FaultKind.KILL, seconds(dice, 10, 120));
            faults.put(dice.pick(IN_THE_WAY), seconds(dice, 4, 30));
            if (dice.chance(0.25)) {
                faults.put(FaultKind.SPOOL_LOST, seconds(dice, 20, 120));
            }
            return faults;
        }
    },
    /** What is stored rots while links keep it from being delivered, and who stores it is started anew. */
    ROT {
        @Override
        Map<FaultKind, Long> faults(Dice dice) {
            Map<FaultKind, Long> faults = often(dice, dice.pick(List.of(FaultKind.BIT_FLIP, FaultKind.JOURNAL_ROT)), 8,
                    40);
            faults.put(FaultKind.KILL, seconds(dice, 3, 20));
            faults.put(dice.pick(IN_THE_WAY), seconds(dice, 2, 10));
            if (faults.containsKey(FaultKind.JOURNAL_ROT) && dice.chance(0.6)) {
                // Who goes on finds the damage by and by, and asks for what it lacks.
                faults.remove(FaultKind.KILL);
            }
            Dice own = dice.fork("base disks");
            if (own.chance(0.4)) {
                faults.remove(FaultKind.BIT_FLIP);
                faults.remove(FaultKind.JOURNAL_ROT);
                faults.put(FaultKind.BASE_ROT, seconds(own, 4, 40));
                faults.put(own.nextBoolean() ? FaultKind.POWER : FaultKind.KILL, seconds(own, 5, 60));
            }
            return faults;
        }
    },
    /** More is written than fits through, and nobody is started anew meanwhile, which would mend what was forgotten. */
    OVERFLOWS {
        @Override
        Map<FaultKind, Long> faults(Dice dice) {
            Map<FaultKind, Long> faults = often(dice, FaultKind.OVERFLOW, 5, 30);
            faults.put(dice.pick(IN_THE_WAY), seconds(dice, 3, 20));
            faults.put(FaultKind.LINK_THROTTLE, seconds(dice, 3, 20));
            return faults;
        }

        @Override
        Plan.Sizes sizes(Plan.Sizes usual, Dice dice) {
            return new Plan.Sizes(dice.scaled(128 << 10, 1 << 20), usual.batchBytes(), usual.batchMillis(),
                    usual.granularityBytes(), usual.segmentBytes(), usual.spoolBytes(), usual.journalBytes());
        }

        @Override
        Guest.Habits habits(Guest.Habits usual, Dice dice) {
            // What was lost is read again while the next writes come to the same places.
            return Guest.Habits.hurried(dice);
        }
    };

    private static final long SECOND = 1_000_000_000L;
    private static final List<FaultKind> IN_THE_WAY = List.of(FaultKind.LINK_STALL, FaultKind.LINK_REFUSE,
            FaultKind.LINK_HALF_OPEN, FaultKind.LINK_CUT);

    /** What strikes, and the mean time between two of a kind. */
    abstract Map<FaultKind, Long> faults(Dice dice);

    /** Sizes that let them meet: what was stored last, and is still there when it has been delivered, stands in one segment. */
    Plan.Sizes sizes(Plan.Sizes usual, Dice dice) {
        return new Plan.Sizes(usual.bufferBytes(), usual.batchBytes(), usual.batchMillis(), usual.granularityBytes(),
                (int) dice.scaled(256 << 10, 4 << 20), Math.max(usual.spoolBytes(), 32 << 20), usual.journalBytes());
    }

    /** How busy the guest is. */
    Guest.Habits habits(Guest.Habits usual, Dice dice) {
        return usual;
    }

    /** How long they strike. */
    static long nanos(Dice dice) {
        return seconds(dice, 30, 180);
    }

    private static Map<FaultKind, Long> often(Dice dice, FaultKind kind, int from, int to) {
        Map<FaultKind, Long> faults = new EnumMap<>(FaultKind.class);
        faults.put(kind, seconds(dice, from, to));
        faults.put(FaultKind.OPERATOR, seconds(dice, 1, 8));
        return faults;
    }

    private static long seconds(Dice dice, int from, int to) {
        return dice.scaled(from, to) * SECOND;
    }
}

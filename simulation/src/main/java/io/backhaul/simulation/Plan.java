package io.backhaul.simulation;

import io.backhaul.simulation.world.Dice;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a seed means: the shape of the system, how busy the guest is, and which faults strike how often. Each seed takes a
 * part of the fault kinds only, some of them often: what a mixture of everything hides, a few kinds at a time find. Most
 * lives are short and full, in some of them the guest writes more than fits into what receivers give credit for; some last for hours, with long quiet spans, as real ones do, and no fewer faults.
 *
 * @param chaosNanos
 *            how long faults strike
 * @param faults
 *            the mean time between two of a kind, for those that strike in this run
 */
record Plan(long seed, long chaosNanos, Shape shape, Guest.Habits habits, Map<FaultKind, Long> faults) {
    private static final long SECOND = 1_000_000_000L;
    /** Every sixth seed is of a machine whose capture observes. */
    private static final int OBSERVED_EACH = 6;
    private static final int OBSERVED = 4;
    /** As many are lives in which a few kinds of fault coincide. */
    private static final int COINCIDING = 1;
    private static final long FLOOD_BYTES = 32 << 20;
    /** Kinds that end or begin something at great cost, and so strike in few runs. */
    private static final Set<FaultKind> RARE = EnumSet.of(FaultKind.JOURNAL_LOST, FaultKind.JOURNAL_ROT,
            FaultKind.PROMOTE, FaultKind.MOVE, FaultKind.DISK_CHANGED, FaultKind.BASE_ROT);
    /** Kinds that strike certain lives only, and are drawn for these. */
    private static final Set<FaultKind> APART = EnumSet.of(FaultKind.PAST_CAPTURE, FaultKind.RATE_LIMIT);
    private static final int VERIFYING = 2;
    private static final int DIALLED_IN = 3;
    private static final int LIMITED = 0;
    /** Of these, kinds that strike often in some runs. */
    private static final Set<FaultKind> OFTEN = EnumSet.of(FaultKind.JOURNAL_LOST, FaultKind.DISK_CHANGED);
    private static final Set<FaultKind> DISK_FAULTS = EnumSet.of(FaultKind.DISK_READ_ERROR, FaultKind.DISK_WRITE_ERROR,
            FaultKind.DISK_SYNC_ERROR, FaultKind.DISK_FULL, FaultKind.BIT_FLIP, FaultKind.JOURNAL_ROT,
            FaultKind.JOURNAL_LOST, FaultKind.BASE_ROT);

    /** Kinds that lose nothing that was stored, and change nothing that was agreed. */
    private static final Set<FaultKind> HARMLESS_TO_ORDER = EnumSet.of(FaultKind.LINK_CUT, FaultKind.LINK_CUT_IN_FRAME,
            FaultKind.LINK_HALF_OPEN, FaultKind.LINK_STALL, FaultKind.LINK_THROTTLE, FaultKind.LINK_DELAY,
            FaultKind.LINK_REFUSE, FaultKind.KILL, FaultKind.STOP, FaultKind.DISK_SLOW, FaultKind.CLOCK_JUMP,
            FaultKind.OVERFLOW, FaultKind.OPERATOR, FaultKind.RATE_LIMIT);

    /**
     * The system.
     *
     * @param scans
     *            whether the agent only compares, and the guest writes while it does not run
     * @param ringBytes
     *            of the ring in the kernel, where the capture observes; 0 where writes go through the agent
     * @param dialledIn
     *            process servers that do not dial master targets, but are dialled by them
     * @param interleaved
     *            which share of blocking calls is interrupted by others
     */
    record Shape(int disks, long diskBytes, int sectorBytes, int processServers, int masterTargets, boolean scans,
            int ringBytes, double interleaved, Sizes sizes, Verifies verifies,
            Set<Integer> dialledIn) {
        /** How often, how fast and how much an agent verifies; never where the period is 0. */
        record Verifies(int periodSeconds, long bytesPerSecond, int percent) {
            static final Verifies NEVER = new Verifies(0, 64 << 10, 100);
        }

        /** The same with an agent that verifies. */
        Shape verifying(Verifies how) {
            return new Shape(disks, diskBytes, sectorBytes, processServers, masterTargets, scans, ringBytes,
                    interleaved, sizes, how, dialledIn);
        }

        /** The same with master targets that dial these process servers. */
        Shape dialledIn(Set<Integer> relays) {
            return new Shape(disks, diskBytes, sectorBytes, processServers, masterTargets, scans, ringBytes,
                    interleaved, sizes, verifies, relays);
        }

        /** The same with room for more than receivers give credit for. */
        Shape flooded() {
            Sizes large = new Sizes(FLOOD_BYTES, sizes.batchBytes(), sizes.batchMillis(), sizes.granularityBytes(),
                    sizes.segmentBytes(), 4 * FLOOD_BYTES, 8 * FLOOD_BYTES);
            return new Shape(disks, Math.max(diskBytes, 512 << 10), sectorBytes, processServers, masterTargets, false,
                    ringBytes, interleaved, large, verifies, dialledIn);
        }

        /** The same with other sizes, and writes that go through the agent. */
        Shape sized(Sizes other, boolean moves) {
            return new Shape(disks, diskBytes, sectorBytes, processServers, moves ? 2 : 1, false, ringBytes,
                    interleaved, other, verifies, dialledIn);
        }

        /** The same with a capture that observes. Its reader waits amid its work. */
        Shape observed(int bytes, boolean oneWay) {
            return new Shape(disks, diskBytes, sectorBytes, oneWay ? 1 : processServers, masterTargets, false, bytes,
                    Math.max(interleaved, 0.01), sizes, verifies, dialledIn);
        }

        /** Whether the capture observes, and what is written does not go through the agent. */
        boolean isObserved() {
            return ringBytes > 0;
        }
    }

    /** Small sizes, so that limits are reached. */
    record Sizes(long bufferBytes, int batchBytes, int batchMillis, int granularityBytes, int segmentBytes,
            long spoolBytes, long journalBytes) {}

    Plan {
        faults = Collections.unmodifiableMap(new EnumMap<>(faults));
    }

    static Plan of(long seed, Set<FaultKind> without) {
        Dice dice = new Dice(seed, "plan");
        boolean isLong = dice.chance(0.25);
        long chaos = (isLong ? dice.scaled(3600, 6 * 3600) : dice.scaled(20, 1800)) * SECOND;
        Map<FaultKind, Long> faults = faults(dice.fork("faults"), isLong ? 15 : 1);
        Shape shape = shape(dice.fork("shape"), faults.containsKey(FaultKind.MOVE));
        if (Math.floorMod(seed, OBSERVED_EACH) == OBSERVED) {
            Dice own = dice.fork("observed");
            boolean onlyKills = own.chance(0.4);
            if (onlyKills) {
                // Nothing is lost for good, so that whoever was killed in order must go on in order.
                faults.keySet().retainAll(HARMLESS_TO_ORDER);
                faults.put(FaultKind.KILL, 4 * SECOND);
                faults.put(FaultKind.LINK_REFUSE, 6 * SECOND);
            }
            boolean bursts = own.fork("bursts").chance(0.5);
            if (bursts) {
                faults.put(FaultKind.OVERFLOW, own.fork("how often").scaled(1, 6) * SECOND);
            }
            shape = shape.observed((int) own.scaled(96 << 10, bursts ? 384 << 10 : 8 << 20), onlyKills);
            // The guest goes on with all of the disk, past the agent.
            faults.remove(FaultKind.DISK_CHANGED);
            // Its reader looks every few milliseconds: a long life would be spent with that.
            isLong = false;
            chaos = own.scaled(20, 300) * SECOND;
        }
        Coincidence coincidence = null;
        if (Math.floorMod(seed, OBSERVED_EACH) == COINCIDING) {
            Dice own = dice.fork("coincidence");
            coincidence = own.pick(List.of(Coincidence.values()));
            faults = coincidence.faults(own);
            shape = shape.sized(coincidence.sizes(shape.sizes(), own), faults.containsKey(FaultKind.MOVE));
            isLong = false;
            chaos = Coincidence.nanos(own);
        }
        Dice floods = dice.fork("flood");
        boolean flood = !isLong && coincidence == null && floods.chance(0.12);
        if (flood) {
            faults.put(FaultKind.LINK_STALL, 6 * SECOND);
            faults.put(FaultKind.DISK_SLOW, 6 * SECOND);
        }
        Shape.Verifies verifies = verifies(seed, dice.fork("verifies"), faults, shape);
        shape = shape.verifying(verifies).dialledIn(dialledIn(seed, dice.fork("who connects"), shape.processServers()));
        limitRates(seed, dice.fork("rate limits"), faults);
        faults.keySet().removeAll(without);
        if (flood) {
            return new Plan(seed, floods.scaled(15, 60) * SECOND, shape.flooded(), Guest.Habits.flood(floods), faults);
        }
        Guest.Habits usual = Guest.Habits.of(dice.fork("habits"), isLong);
        Guest.Habits habits = coincidence == null ? usual : coincidence.habits(usual, dice.fork("hurry"));
        return new Plan(seed, chaos, shape, habits, faults);
    }

    /**
     * Half the lives of one kind, and some of those whose capture observes, are of agents that verify on a schedule. The dice
     * bear a name that leaves the kept seeds as they were.
     */
    private static Shape.Verifies verifies(long seed, Dice dice, Map<FaultKind, Long> faults, Shape shape) {
        long kind = Math.floorMod(seed, OBSERVED_EACH);
        double share = kind == VERIFYING ? 0.5 : kind == OBSERVED ? 0.25 : 0;
        if (shape.scans() || !dice.chance(share)) {
            return Shape.Verifies.NEVER;
        }
        var verifies = new Shape.Verifies((int) dice.scaled(10, 90), dice.scaled(256 << 10, 64 << 20), 100);
        if (kind != VERIFYING || shape.isObserved()) {
            return verifies;
        }
        if (dice.chance(0.6)) {
            faults.put(FaultKind.PAST_CAPTURE, dice.scaled(5, 120) * SECOND);
            // What is restored, or looked at, then is not what anybody could say.
            List.of(FaultKind.PROMOTE, FaultKind.MOVE, FaultKind.JOURNAL_LOST, FaultKind.DISK_CHANGED)
                    .forEach(faults::remove);
            return verifies;
        }
        return new Shape.Verifies(verifies.periodSeconds(), verifies.bytesPerSecond(), dice.pick(List.of(100, 30)));
    }

    /** In some lives what process servers send on is limited, now and then. */
    private static void limitRates(long seed, Dice dice, Map<FaultKind, Long> faults) {
        if (Math.floorMod(seed, OBSERVED_EACH) == LIMITED && dice.chance(0.4)) {
            faults.put(FaultKind.RATE_LIMIT, dice.scaled(2, 120) * SECOND);
        }
    }

    /** A site may allow connections one way only: in some lives master targets dial all process servers, in some a part of them. */
    private static Set<Integer> dialledIn(long seed, Dice dice, int processServers) {
        if (Math.floorMod(seed, OBSERVED_EACH) != DIALLED_IN || !dice.chance(0.5)) {
            return Set.of();
        }
        double share = dice.chance(0.7) ? 1 : 0.5;
        return IntStream.range(0, processServers).filter(relay -> dice.chance(share)).boxed()
                .collect(Collectors.toUnmodifiableSet());
    }

    private static Shape shape(Dice dice, boolean moves) {
        Sizes sizes = new Sizes(dice.scaled(128 << 10, 24 << 20), (int) dice.scaled(4 << 10, 512 << 10),
                (int) dice.scaled(1, 50), 4096 << dice.nextInt(5), (int) dice.scaled(16 << 10, 1 << 20),
                dice.scaled(2 << 20, 64 << 20), dice.scaled(16 << 20, 256 << 20));
        return new Shape(1 + dice.nextInt(3), dice.scaled(16, 256) * 4096, dice.chance(0.8) ? 512 : 4096,
                dice.chance(0.5) ? 1 : 2, moves ? 2 : 1, dice.chance(0.07), 0,
                dice.pick(List.of(0.0, 0.0, 0.0, 0.1, 0.5, 1.0)), sizes, Shape.Verifies.NEVER, Set.of());
    }

    /** Each kind has dice of its own, so that another kind leaves what these do as it is. */
    private static Map<FaultKind, Long> faults(Dice dice, int slower) {
        EnumMap<FaultKind, Long> faults = new EnumMap<>(FaultKind.class);
        double share = dice.pick(List.of(0.0, 0.1, 0.2, 0.4, 0.8));
        for (FaultKind kind : EnumSet.complementOf(EnumSet.copyOf(APART))) {
            Dice own = dice.fork("how often " + kind);
            boolean rare = RARE.contains(kind);
            boolean often = OFTEN.contains(kind) && own.chance(0.5);
            long mean = own.scaled(often ? 15 : rare ? 120 : 2, rare && !often ? 1800 : 600) * SECOND * slower;
            if (kind == FaultKind.OPERATOR || own.chance(often ? 0.3 : rare ? 0.12 : share)) {
                faults.put(kind, mean);
            }
        }
        if (faults.containsKey(FaultKind.JOURNAL_LOST) || faults.containsKey(FaultKind.MOVE)) {
            // Who has nothing yet takes the disks as they come, and holds on to them: a machine to be assigned anew.
            faults.remove(FaultKind.DISK_CHANGED);
        }
        if (faults.containsKey(FaultKind.PROMOTE)) {
            // Promoting reads only what it writes: whoever wants to know of the rest has it read back before.
            faults.remove(FaultKind.BASE_ROT);
        }
        return faults;
    }

    /** Whether the operator asks for proofs as well: a sixth of all seeds, in half of which the capture observes. */
    boolean asksForProofs() {
        return Math.floorMod(seed, 2 * OBSERVED_EACH) >= 2 * OBSERVED_EACH - 2;
    }

    /** Whether nothing strikes that makes a stream begin a new generation. */
    boolean isHarmlessToOrder() {
        return HARMLESS_TO_ORDER.containsAll(faults.keySet());
    }

    /** Whether whatever differs from the replica has been written past the capture: nothing that is stored is lost or harmed. */
    boolean keepsWhatIsStored() {
        return !disksMayFail() && faults.keySet().stream().noneMatch(
                EnumSet.of(FaultKind.POWER, FaultKind.STATE_ROT, FaultKind.SPOOL_LOST, FaultKind.MOVE)::contains);
    }

    /** Whether reading what is stored may fail while faults strike. */
    boolean disksMayFail() {
        return faults.keySet().stream().anyMatch(DISK_FAULTS::contains);
    }

    /** Whether a sync mark may be lost, with what it says. */
    boolean mayLoseMarks() {
        return faults.containsKey(FaultKind.POWER) || faults.containsKey(FaultKind.DISK_WRITE_ERROR)
                || faults.containsKey(FaultKind.DISK_SYNC_ERROR);
    }

    /** Whether a process may go on though what it wrote is not whole. */
    boolean mayLeaveWritesUndone() {
        return faults.containsKey(FaultKind.DISK_WRITE_ERROR) || faults.containsKey(FaultKind.DISK_SYNC_ERROR)
                || faults.containsKey(FaultKind.DISK_FULL);
    }

    /** The same with fewer kinds of faults. */
    Plan without(FaultKind kind) {
        EnumMap<FaultKind, Long> fewer = new EnumMap<>(faults);
        fewer.remove(kind);
        return new Plan(seed, chaosNanos, shape, habits, fewer);
    }

    /** The kinds that were switched off, by what the seed alone would give. */
    Set<FaultKind> switchedOff() {
        Set<FaultKind> off = EnumSet.noneOf(FaultKind.class);
        off.addAll(of(seed, Set.of()).faults().keySet());
        off.removeAll(faults.keySet());
        return off;
    }

    /** The command that runs this again, with a readable log. */
    String command() {
        Set<FaultKind> off = switchedOff();
        return "./check simulate --seed " + seed + (off.isEmpty() ? ""
                : " --without "
                        + String.join(",", off.stream().map(FaultKind::name).toList()));
    }
}

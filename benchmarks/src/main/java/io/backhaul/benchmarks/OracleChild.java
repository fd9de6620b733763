package io.backhaul.benchmarks;

import io.backhaul.mastertarget.RecoveryPoints;
import io.backhaul.mastertarget.RetentionPolicy;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.mastertarget.View;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * A process with a master target that may be killed at any moment: takes a load and says what was acknowledged, or reads
 * points back. {@code FOLDER load STAND WRITES} or {@code FOLDER verify STAND POSITIONS SEED}.
 */
final class OracleChild {
    static final SeededLoad LOAD = new SeededLoad(20261128, 3, 4 << 20, 512, 4096, 8, 0);
    private static final int SEGMENT_BYTES = 1 << 20;
    private static final long WINDOW_BYTES = 48 << 20;
    private static final int TELL_EVERY = 256;

    private OracleChild() {}

    public static void main(String[] args) throws Exception {
        Stand stand = Stand.valueOf(args[2]);
        RetentionPolicy policy = new RetentionPolicy(stand, Duration.ofDays(1), WINDOW_BYTES);
        try (TargetRig rig = new TargetRig(Path.of(args[0]), policy, SEGMENT_BYTES)) {
            if (args[1].equals("load")) {
                load(rig, Long.parseLong(args[3]));
            } else {
                verify(rig, Integer.parseInt(args[3]), new SplittableRandom(Long.parseLong(args[4])));
            }
        }
        tell("done 0");
        System.exit(0);
    }

    private static void tell(String line) {
        System.out.println(line);
        if (System.out.checkError()) {
            // Whoever wanted to know is gone.
            System.exit(1);
        }
    }

    private static void load(TargetRig rig, long writes) throws InterruptedException {
        StreamLink link = new StreamLink(SeededLoad.MACHINE);
        Position durable = link.connect(rig.machine());
        tell("durable " + Math.max(0, SeededLoad.numberOf(durable)));
        LOAD.begin(link, durable);
        long from = Math.max(0, SeededLoad.numberOf(durable));
        long last = from;
        if (from < writes) {
            long[] told = {from};
            last = LOAD.send(link, from, (number, bytes) -> {
                long acknowledged = SeededLoad.numberOf(link.journaled());
                if (acknowledged >= told[0] + TELL_EVERY) {
                    told[0] = acknowledged;
                    tell("acknowledged " + acknowledged);
                }
                return number < writes;
            });
        }
        link.settle(SeededLoad.positionOf(last));
        tell("acknowledged " + last);
        link.close();
    }

    private static void verify(TargetRig rig, int positions, SplittableRandom random)
            throws IOException, InterruptedException {
        RecoveryPoints points = rig.status().points();
        long oldest = SeededLoad.numberOf(points.oldest());
        long newest = SeededLoad.numberOf(points.newest());
        Set<Long> numbers = new TreeSet<>();
        for (Mark mark : points.marks()) {
            long number = SeededLoad.numberOf(mark.position());
            if (!mark.label().equals("mark " + number) || !SeededLoad.isMark(number)) {
                throw new IllegalStateException("mark '" + mark.label() + "' at " + mark.position());
            }
            numbers.add(number);
        }
        long first = Math.max(1, Math.ceilDiv(oldest, SeededLoad.MARK_EVERY));
        long last = newest / SeededLoad.MARK_EVERY;
        if (numbers.size() < last - first + 1) {
            throw new IllegalStateException(numbers.size() + " marks are offered from " + oldest + " to " + newest);
        }
        int marks = numbers.size();
        for (int i = 0; i < positions; i++) {
            numbers.add(random.nextLong(Math.max(0, oldest), newest + 1));
        }
        BlockOracle oracle = new BlockOracle(LOAD);
        for (long number : numbers) {
            read(rig, oracle, number);
        }
        tell("verified " + numbers.size() + " marks " + marks + " from " + oldest + " to " + newest + " "
                + points.intervals().stream().map(each -> each.from() + "-" + each.to())
                        .collect(Collectors.joining(" ")));
    }

    /** The window moves on while it is read: what has left it meanwhile is not held against anybody. */
    private static void read(TargetRig rig, BlockOracle oracle, long number) throws IOException, InterruptedException {
        View view;
        try {
            view = rig.open(SeededLoad.positionOf(number));
        } catch (IllegalStateException refused) {
            if (SeededLoad.positionOf(number).isBefore(rig.status().points().oldest())) {
                return;
            }
            throw refused;
        }
        oracle.advance(number);
        try {
            for (View.Disk disk : view.disks()) {
                oracle.compare(disk.index(), disk.device());
            }
        } finally {
            view.close();
        }
    }
}

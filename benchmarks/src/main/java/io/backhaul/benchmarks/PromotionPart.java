package io.backhaul.benchmarks;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.mastertarget.PointName;
import io.backhaul.mastertarget.RetentionPolicy;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SplittableRandom;

/**
 * With the base behind the newest point: a load of 50 MB/s, the source stops, and the latest point is promoted. Then the
 * promoted disk is brought to older points, each compared with what was written. What was written for each byte captured is
 * said of this policy and of the other one.
 */
final class PromotionPart {
    private static final long RATE = 50_000_000L;
    private static final long MIB = 1 << 20;
    private static final double MOST_SECONDS = 5;

    private final Figures figures;
    private final Path folder;
    private final long loadBytes;
    private final int olderPoints;
    private final SplittableRandom random = new SplittableRandom(7);

    PromotionPart(Figures figures, Path folder, boolean brief) {
        this.figures = figures;
        this.folder = folder;
        this.loadBytes = RATE * (brief ? 3 : 600);
        this.olderPoints = brief ? 2 : 8;
    }

    void run() throws Exception {
        SeededLoad load = new SeededLoad(11, 1, Math.max(512 * MIB, loadBytes / 4 / MIB * MIB), 4096, 64 << 10, 20, 0);
        RetentionPolicy newest = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE);
        long before = writtenBytes();
        try (TargetRig rig = new TargetRig(folder.resolve("newest"), newest, (int) (64 * MIB))) {
            StreamLink link = new StreamLink(SeededLoad.MACHINE);
            load.begin(link, link.connect(rig.machine()));
            long last = load.send(link, 0, SeededLoad.throttled(loadBytes, RATE));
            link.settle(SeededLoad.positionOf(last));
            link.close();
            long stopped = System.nanoTime();
            rig.promote(new PointName.Latest(), false).get();
            figures.atMost("promote_seconds", (System.nanoTime() - stopped) / 1e9, MOST_SECONDS);
            figures.put("promote_load_bytes", loadBytes);
            figures.put("amplification_newest", (writtenBytes() - before) / (double) loadBytes);
            compare(rig, load, last);
            older(rig, load, last);
        }
        Folders.delete(folder.resolve("newest"));
        oldest(load);
    }

    private void compare(TargetRig rig, SeededLoad load, long number) throws IOException {
        BlockOracle oracle = new BlockOracle(load);
        oracle.advance(number);
        try (BlockDevice disk = RawDevice.open(rig.disk(0), true)) {
            oracle.compare(0, disk);
        }
    }

    private void older(TargetRig rig, SeededLoad load, long last) throws Exception {
        double most = 0;
        for (int i = 0; i < olderPoints; i++) {
            long number = 1 + random.nextLong(last);
            long begun = System.nanoTime();
            rig.promote(new PointName.At(SeededLoad.positionOf(number)), false).get();
            most = Math.max(most, (System.nanoTime() - begun) / 1e9);
            compare(rig, load, number);
        }
        figures.put("promote_older_points_true", olderPoints);
        figures.put("promote_older_seconds_max", most);
    }

    /** The same load with the base at the window's oldest edge, which moves along. */
    private void oldest(SeededLoad load) throws Exception {
        RetentionPolicy oldest = new RetentionPolicy(Stand.OLDEST, Duration.ofDays(1), loadBytes / 8);
        long before = writtenBytes();
        try (TargetRig rig = new TargetRig(folder.resolve("oldest"), oldest, (int) (16 * MIB))) {
            StreamLink link = new StreamLink(SeededLoad.MACHINE);
            load.begin(link, link.connect(rig.machine()));
            long last = load.send(link, 0, SeededLoad.throttled(loadBytes, RATE));
            link.settle(SeededLoad.positionOf(last));
            while (rig.status().store().journalBytes() > loadBytes / 6) {
                Thread.sleep(20);
            }
        }
        figures.put("amplification_oldest", (writtenBytes() - before) / (double) loadBytes);
        Folders.delete(folder.resolve("oldest"));
    }

    /** What this process has written to files so far, as the kernel counts it. */
    static long writtenBytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/io")).stream().filter(line -> line.startsWith("write_bytes: "))
                .mapToLong(line -> Long.parseLong(line.substring("write_bytes: ".length()).strip())).findFirst()
                .orElse(0);
    }
}

package io.backhaul.benchmarks;

import io.backhaul.blockio.file.RawDevice;
import io.backhaul.mastertarget.MachineStatus;
import io.backhaul.mastertarget.PointName;
import io.backhaul.mastertarget.RetentionPolicy;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * Folds a journal of which a half is overwritten, and compares what was written with what is live, and the rate with that of
 * writing as much to a file of the same disk in sequence, before and after it.
 */
final class FoldPart {
    private static final double WITHIN = 0.05;
    private static final double SHARE = 0.6;
    private static final int WRITE_BYTES = 64 << 10;

    private final Figures figures;
    private final Path folder;
    private final long journalBytes;

    FoldPart(Figures figures, Path folder, boolean brief) {
        this.figures = figures;
        this.folder = folder;
        this.journalBytes = brief ? 512L << 20 : 16L << 30;
    }

    void run() throws Exception {
        SeededLoad load = new SeededLoad(5, 1, journalBytes / 2, WRITE_BYTES, WRITE_BYTES, 0, 2);
        long writes = journalBytes / WRITE_BYTES;
        long liveBytes = liveBytes(load, writes);
        RetentionPolicy all = new RetentionPolicy(Stand.OLDEST, Duration.ofDays(1), Long.MAX_VALUE);
        try (TargetRig rig = new TargetRig(folder.resolve("fold"), all, 64 << 20)) {
            StreamLink link = new StreamLink(SeededLoad.MACHINE);
            load.begin(link, link.connect(rig.machine()));
            long last = load.send(link, 0, (number, bytes) -> number < writes);
            link.settle(SeededLoad.positionOf(last));
            figures.put("fold_journal_bytes", rig.status().store().journalBytes());
            double before = sequential(liveBytes);
            double rate = fold(rig);
            double after = sequential(liveBytes);
            MachineStatus.Fold fold = rig.status().fold();
            double written = fold.totalBytes() / (double) liveBytes(load, last);
            figures.put("fold_live_bytes", liveBytes(load, last));
            figures.atMost("fold_written_to_live", written, 1 + WITHIN);
            figures.atLeast("fold_written_to_live_at_least", written, 1 - WITHIN);
            figures.put("fold_bytes_per_second", Math.round(rate));
            figures.put("sequential_bytes_per_second", Math.round((before + after) / 2));
            figures.atLeast("fold_to_sequential", rate * 2 / (before + after), SHARE);
            BlockOracle oracle = new BlockOracle(load);
            oracle.advance(last);
            try (RawDevice disk = RawDevice.open(rig.disk(0), true)) {
                oracle.compare(0, disk);
            }
        }
        Folders.delete(folder.resolve("fold"));
    }

    private static long liveBytes(SeededLoad load, long upTo) {
        java.util.BitSet places = new java.util.BitSet();
        for (long number = 1; number <= upTo; number++) {
            if (!SeededLoad.isMark(number)) {
                places.set((int) (load.write(number).offset() / WRITE_BYTES));
            }
        }
        return (long) places.cardinality() * WRITE_BYTES;
    }

    /** Folds, with a flush, until what was written is read back. */
    private static double fold(TargetRig rig) throws Exception {
        long begun = System.nanoTime();
        CompletableFuture<Long> done = rig.promote(new PointName.Latest(), true);
        while (rig.status().fold().checkedBytes() == 0 && !done.isDone()) {
            Thread.sleep(1);
        }
        double seconds = (System.nanoTime() - begun) / 1e9;
        return done.get() / seconds;
    }

    private double sequential(long bytes) throws IOException {
        Path file = folder.resolve("sequential.raw");
        ByteBuffer content = Content.halfCompressible(1 << 20);
        try (RawDevice device = RawDevice.create(file, bytes)) {
            long begun = System.nanoTime();
            for (long at = 0; at < bytes; at += content.capacity()) {
                device.write(at, content.clear().limit((int) Math.min(content.capacity(), bytes - at)));
            }
            device.flush();
            return bytes * 1e9 / (System.nanoTime() - begun);
        } finally {
            Files.delete(file);
        }
    }
}

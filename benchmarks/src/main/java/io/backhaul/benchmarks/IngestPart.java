package io.backhaul.benchmarks;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.mastertarget.RetentionPolicy;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.mastertarget.View;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** As fast as it goes: alone, and while the base disk is folded and two open views are read; by turns, in one run. */
final class IngestPart {
    private static final double SHARE = 0.7;
    private static final long READ_EVERY_NANOS = 5_000_000;
    private static final RetentionPolicy ALONE = new RetentionPolicy(Stand.OLDEST, Duration.ofDays(1), Long.MAX_VALUE);
    private static final RetentionPolicy FOLDING = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1),
            Long.MAX_VALUE);

    private final Figures figures;
    private final Path folder;
    private final int rounds;
    private final long stretchNanos;

    IngestPart(Figures figures, Path folder, boolean brief) {
        this.figures = figures;
        this.folder = folder;
        this.rounds = brief ? 2 : 4;
        this.stretchNanos = brief ? 1_000_000_000L : 20_000_000_000L;
    }

    void run() throws Exception {
        SeededLoad load = new SeededLoad(3, 1, 1L << 30, 4096, 64 << 10, 20, 0);
        try (TargetRig rig = new TargetRig(folder.resolve("ingest"), ALONE, 64 << 20)) {
            StreamLink link = new StreamLink(SeededLoad.MACHINE);
            load.begin(link, link.connect(rig.machine()));
            long number = stretch(load, link, 0, new double[1]);
            double[] alone = new double[1];
            double[] together = new double[1];
            for (int round = 0; round < rounds; round++) {
                number = stretch(load, link, number, alone);
                rig.policy(FOLDING);
                number = withViews(rig, load, link, number, together);
                rig.policy(ALONE);
                while (rig.status().fold().running()) {
                    Thread.sleep(10);
                }
            }
            figures.put("ingest_alone_bytes_per_second", Math.round(alone[0] / rounds));
            figures.put("ingest_with_fold_and_views_bytes_per_second", Math.round(together[0] / rounds));
            figures.atLeast("ingest_ratio", together[0] / alone[0], SHARE);
        }
        Folders.delete(folder.resolve("ingest"));
    }

    private long stretch(SeededLoad load, StreamLink link, long number, double[] rates) throws InterruptedException {
        long begun = System.nanoTime();
        long[] sent = new long[1];
        long last = load.send(link, number, (upTo, bytes) -> {
            sent[0] = bytes;
            return System.nanoTime() - begun < stretchNanos;
        });
        link.settle(SeededLoad.positionOf(last));
        rates[0] += sent[0] * 1e9 / (System.nanoTime() - begun);
        return last;
    }

    private long withViews(TargetRig rig, SeededLoad load, StreamLink link, long number, double[] rates)
            throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        AtomicLong reads = new AtomicLong();
        List<Thread> readers = new ArrayList<>();
        try (View older = rig.open(SeededLoad.positionOf(number / 2));
                View newest = rig.open(SeededLoad.positionOf(number))) {
            for (View view : List.of(older, newest)) {
                readers.add(Thread.ofPlatform().start(() -> read(view.disks().getFirst().device(), over, reads)));
            }
            try {
                return stretch(load, link, number, rates);
            } finally {
                over.set(true);
                for (Thread reader : readers) {
                    reader.join();
                }
                figures.hold(reads.get() > 0, "the views were not read");
            }
        }
    }

    private static void read(BlockDevice device, AtomicBoolean over, AtomicLong reads) {
        SplittableRandom random = new SplittableRandom();
        ByteBuffer target = ByteBuffer.allocateDirect(4096);
        while (!over.get()) {
            try {
                device.read(random.nextLong(device.sizeBytes() / 4096) * 4096, target.clear());
            } catch (IOException failed) {
                throw new IllegalStateException(failed);
            }
            reads.incrementAndGet();
            LockSupport.parkNanos(READ_EVERY_NANOS);
        }
    }
}

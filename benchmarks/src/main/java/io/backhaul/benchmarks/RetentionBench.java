package io.backhaul.benchmarks;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.loop.LanePool;
import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.mastertarget.IndexLimits;
import io.backhaul.mastertarget.MachineStatus;
import io.backhaul.mastertarget.MasterTargetMachine;
import io.backhaul.mastertarget.PointName;
import io.backhaul.mastertarget.RetentionPolicy;
import io.backhaul.mastertarget.ScrubPace;
import io.backhaul.mastertarget.View;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * A journal of very many small writes, made through a real master target; then: how long a start takes, how long and how
 * much memory opening points takes, and how fast 4 KiB are read at random from them, beside the bare base disk.
 */
final class RetentionBench {
    private static final UUID MACHINE = new UUID(0x6b1f0a52c1d34e10L, 0x8f5e2d7c9a304b61L);
    private static final long SEED = 20261123;
    /** What the replica's id is drawn from, so that the stream can name it. */
    private static final RandomGenerator REPLICA = () -> SEED;

    private static final String BASE = RawDisks.name(0);

    private final boolean brief;
    private final long extents;
    private final Path folder;
    private final long sizeBytes;
    private final long writtenBytes;
    private long[] written = {0};
    private final Figures figures;

    RetentionBench(Figures figures, boolean brief, long extents, Path folder) {
        this.figures = figures;
        this.brief = brief;
        this.extents = extents;
        this.folder = folder;
        this.sizeBytes = extents * SyntheticStream.WRITE_BYTES;
        this.writtenBytes = Math.min(sizeBytes, brief ? 256L << 20 : 4L << 30);
    }

    void run() throws Exception {
        makeBase();
        try (NettyLoops loops = new NettyLoops(1); LanePool lanes = new LanePool("lane", 6)) {
            NettyLoop loop = loops.next();
            MasterTargetMachine machine = machine(loop, lanes);
            loop.execute(machine::begin);
            fill(machine, loop);
            CompletableFuture<String> closed = new CompletableFuture<>();
            loop.execute(() -> machine.close(() -> closed.complete("")));
            closed.get();
            figures.put("journal_bytes", bytes(folder.resolve("machine/journal")));
            figures.put("index_bytes_on_disk", bytes(folder.resolve("machine/index")));
            long start = System.nanoTime();
            MasterTargetMachine again = machine(loop, lanes);
            loop.execute(again::begin);
            while (!status(again, loop).state().equals("LIVE")) {
                Thread.onSpinWait();
            }
            figures.put("start_ms", millis(start));
            figures.put("extents_indexed", status(again, loop).store().extents());
            figures.put("index_bytes_in_memory", status(again, loop).store().indexBytes());
            measureOpening(again, loop);
            measureReading(again, loop);
            CompletableFuture<String> ended = new CompletableFuture<>();
            loop.execute(() -> again.close(() -> ended.complete("")));
            ended.get();
        }
    }

    private void makeBase() throws IOException {
        Figures.say("writing " + writtenBytes / (1 << 20) + " MiB of a base disk");
        Path base = folder.resolve(BASE);
        try (var file = new java.io.RandomAccessFile(base.toFile(), "rw")) {
            file.setLength(sizeBytes);
        }
        try (RawDevice device = RawDevice.open(base, false)) {
            ByteBuffer content = Content.halfCompressible(8 << 20);
            for (long at = 0; at < writtenBytes; at += content.capacity()) {
                device.write(at, content.clear().limit((int) Math.min(content.capacity(), writtenBytes - at)));
            }
            device.flush();
        }
    }

    private MasterTargetMachine machine(NettyLoop loop, LanePool lanes) throws IOException {
        var own = new MasterTargetMachine.Lanes(lanes.lane("store"), lanes.lane("fold"), lanes.lane("view"),
                lanes.lane("digest"), lanes.lane("index"), lanes.lane("scrub"));
        var ports = new MasterTargetMachine.Ports(loop, own, DirectoryVolume.create(folder.resolve("machine")),
                new RawDisks(folder), REPLICA, ByteBufAllocator.DEFAULT,
                new FaultLog(SystemClock.INSTANCE));
        var policy = new RetentionPolicy(RetentionPolicy.Stand.OLDEST, Duration.ofDays(36500), Long.MAX_VALUE);
        return new MasterTargetMachine(MACHINE, ports, new MasterTargetMachine.Setup(policy, HopTiming.DEFAULT,
                8L << 20, SegmentLimits.DEFAULT, 32L << 20, IndexLimits.DEFAULT,
                ScrubPace.ON_DEMAND));
    }

    private void fill(MasterTargetMachine machine, NettyLoop loop) throws Exception {
        SyntheticStream stream = new SyntheticStream(MACHINE, sizeBytes, SEED);
        stream.begin(machine, new UUID(SEED, SEED));
        long start = System.nanoTime();
        long steps = 20;
        for (int step = 1; step <= steps; step++) {
            stream.write(extents / steps);
            Figures.say(String.format(Locale.ROOT, "%,d extents journaled", extents / steps * step));
        }
        stream.settle();
        written = stream.sample();
        double seconds = millis(start) / 1000;
        figures.put("extents_per_second", Math.round(extents / seconds));
        awaitIndex();
        figures.put("index_behind_s", millis(start) / 1000 - seconds);
        figures.put("points", status(machine, loop).points().intervals().size());
    }

    /** Nobody says when all merges are done: the folder rests then. */
    private void awaitIndex() throws Exception {
        String before = "";
        for (int calm = 0; calm < 4;) {
            Thread.sleep(500);
            String now = listing(folder.resolve("machine/index"));
            calm = now.equals(before) && !now.contains(".new") ? calm + 1 : 0;
            before = now;
        }
    }

    private static String listing(Path index) throws IOException {
        try (Stream<Path> files = Files.list(index)) {
            return String.join(" ", files.map(file -> String.valueOf(file.getFileName())).sorted().toList());
        }
    }

    private static MachineStatus status(MasterTargetMachine machine, NettyLoop loop) throws Exception {
        return ask(loop, machine::status);
    }

    private static <T> T ask(NettyLoop loop, Supplier<T> question) throws Exception {
        CompletableFuture<T> answer = new CompletableFuture<>();
        loop.execute(() -> answer.complete(question.get()));
        return answer.get();
    }

    private static View open(MasterTargetMachine machine, NettyLoop loop, PointName name) throws Exception {
        CompletableFuture<View> answer = new CompletableFuture<>();
        loop.execute(() -> machine.openView(name, "benchmark", new MasterTargetMachine.ViewOutcome() {
            @Override
            public void opened(View view) {
                answer.complete(view);
            }

            @Override
            public void failed(String why) {
                answer.completeExceptionally(new IOException(why));
            }
        }));
        return answer.get();
    }

    private void measureOpening(MasterTargetMachine machine, NettyLoop loop) throws Exception {
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        SplittableRandom random = new SplittableRandom(SEED);
        List<Double> times = new ArrayList<>();
        long mostAllocated = 0;
        evict("machine");
        for (int i = 0; i < (brief ? 10 : 40); i++) {
            Position position = new Position(1, 2 + random.nextLong(extents - 2));
            long allocated = threads.getTotalThreadAllocatedBytes();
            long start = System.nanoTime();
            open(machine, loop, new PointName.At(position)).close();
            times.add(millis(start));
            mostAllocated = Math.max(mostAllocated, threads.getTotalThreadAllocatedBytes() - allocated);
        }
        times.sort(null);
        figures.put("open_ms_median", times.get(times.size() / 2));
        figures.atMost("open_ms_max", times.getLast(), 1000);
        figures.atMost("open_allocated_mib_max", mostAllocated / (double) (1 << 20), 64);
        long before = heap();
        try (View view = open(machine, loop, new PointName.At(new Position(1, 2 + extents / 2 + 777)))) {
            figures.put("open_retained_mib", Math.max(0, heap() - before) / (double) (1 << 20));
            figures.put("heap_mib_with_a_view", heap() / (double) (1 << 20));
            if (view.disks().size() != 1) {
                throw new IllegalStateException();
            }
        }
    }

    private static long heap() throws InterruptedException {
        for (int i = 0; i < 3; i++) {
            System.gc();
            Thread.sleep(50);
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private void measureReading(MasterTargetMachine machine, NettyLoop loop) throws Exception {
        try (View view = open(machine, loop, new PointName.Latest());
                RawDevice base = RawDevice.open(folder.resolve(BASE), true)) {
            BlockDevice device = view.disks().getFirst().device();
            viewRate(device, 1);
            evict("machine");
            evict(BASE);
            compare("cold", device, base);
            warm("machine/index");
            evict("machine/journal");
            evict(BASE);
            compare("index_cached", device, base);
            warm("machine");
            warm(BASE);
            compare("all_cached", device, base);
        }
    }

    private void compare(String name, BlockDevice view, BlockDevice base) throws IOException {
        double seconds = brief ? 0.5 : 8;
        double baseRate = baseRate(base, seconds);
        double viewRate = viewRate(view, seconds);
        figures.put(name + "_base_reads_per_second", Math.round(baseRate));
        figures.put(name + "_view_reads_per_second", Math.round(viewRate));
        if (name.equals("index_cached")) {
            figures.atLeast(name + "_ratio", viewRate / baseRate, 1.0 / 3);
        } else {
            figures.put(name + "_ratio", viewRate / baseRate);
        }
    }

    /** Reads where the base disk holds something. */
    private double baseRate(BlockDevice device, double seconds) throws IOException {
        SplittableRandom random = new SplittableRandom();
        return rate(device, seconds, () -> random.nextLong(writtenBytes / SyntheticStream.WRITE_BYTES)
                * SyntheticStream.WRITE_BYTES, (offset, read) -> true);
    }

    /** Reads all over the disk where the journal holds something; each read is verified. */
    private double viewRate(BlockDevice device, double seconds) throws IOException {
        SplittableRandom random = new SplittableRandom();
        return rate(device, seconds, () -> written[random.nextInt(written.length)],
                (offset, read) -> read.getLong(0) == offset);
    }

    /** Whether what was read is right. */
    private interface Verdict {
        boolean isRight(long offset, ByteBuffer read);
    }

    private static double rate(BlockDevice device, double seconds, LongSupplier offsets, Verdict verdict)
            throws IOException {
        ByteBuffer target = ByteBuffer.allocateDirect(SyntheticStream.WRITE_BYTES);
        long start = System.nanoTime();
        long end = start + (long) (seconds * 1e9);
        long reads = 0;
        while (System.nanoTime() < end) {
            long offset = offsets.getAsLong();
            device.read(offset, target.clear());
            if (!verdict.isRight(offset, target)) {
                throw new IllegalStateException("read " + target.getLong(0) + " at " + offset);
            }
            reads++;
        }
        return reads * 1e9 / (System.nanoTime() - start);
    }

    /** Makes the kernel forget what it has cached of the files. */
    private void evict(String what) throws Exception {
        shell("sync \"$1\"; find \"$1\" -type f -exec dd if={} iflag=nocache count=0 status=none \\;", what);
    }

    private void warm(String what) throws Exception {
        String head = what.equals(BASE) ? "head -c " + writtenBytes + " \"$1\" >/dev/null"
                : "find \"$1\" -type f -exec cat {} + >/dev/null";
        shell(head, what);
    }

    private void shell(String command, String what) throws Exception {
        Process process = new ProcessBuilder("sh", "-c", command, "sh", folder.resolve(what).toString()).inheritIO()
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        if (process.waitFor() != 0) {
            throw new IOException(command + " failed for " + what);
        }
    }

    private static long bytes(Path files) throws IOException {
        long total = 0;
        try (Stream<Path> all = Files.list(files)) {
            for (Path each : all.toList()) {
                total += Files.size(each);
            }
        }
        return total;
    }

    private static double millis(long sinceNanos) {
        return (System.nanoTime() - sinceNanos) / 1e6;
    }
}

package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;

/**
 * How old the newest point is, as whoever needs it would see it: a block of the disk gets the time again and again, amid a load;
 * the latest point is opened at the master target, the block is read from it, and its age counts once it has been read.
 * Both hops are durable by then. What opening and reading take is in the figure. Processes that have just started compile
 * their code for a while, and take the processors for that: they are given time first, under the same load. Near, lower rates
 * are looked at too, to tell what a machine with few processors can do that has all parts and the load on it.
 */
final class RpoCheck {
    private static final long DISK_BYTES = 2L << 30;
    private static final Path MEMORY = Path.of("/dev/shm");
    private static final int MARKER_BYTES = 4096;
    private static final long MARKER_OFFSET = DISK_BYTES - MARKER_BYTES;
    private static final long MARKER_MILLIS = 20;
    private static final long LOOK_MILLIS = 20;

    private final RpoScale scale;
    private final Findings findings;

    private RpoCheck(RpoScale scale, Findings findings) {
        this.scale = scale;
        this.findings = findings;
    }

    /** A load, and what it is held to. */
    private record Load(String name, long bytesPerSecond, Duration oneWay, long boundMillis) {
        private static final List<Load> ALL = List.of(new Load("near", 100_000_000, Duration.ZERO, 30),
                new Load("nearHalf", 50_000_000, Duration.ZERO, Long.MAX_VALUE),
                new Load("nearQuarter", 25_000_000, Duration.ZERO, Long.MAX_VALUE),
                new Load("far", 50_000_000, Duration.ofMillis(25), 1000));
    }

    /** Runs everything. What is wrong ends it with an {@link AssertionError}. */
    static void run(RpoScale scale, Findings findings) throws Exception {
        var check = new RpoCheck(scale, findings);
        List<String> missed = new ArrayList<>();
        for (Load load : Load.ALL) {
            long millis = check.measure(load);
            if (scale.isJudged() && millis > load.boundMillis) {
                missed.add(load.name + ": the latest point is " + millis + " ms old, p99; " + load.boundMillis
                        + " ms are allowed");
            }
        }
        assertThat(missed).isEmpty();
    }

    private long measure(Load load) throws Exception {
        Workplace place = Scene.place(Path.of("/var/tmp"));
        // The machine's own disk is elsewhere in life: what is written to it must not hold up the others' flushes.
        try (Workplace machine = Scene.place(Files.isWritable(MEMORY) ? MEMORY : Path.of("/var/tmp"));
                Scene scene = Scene.on(place, List.of(machine.resolve("source.img")));
                Line toTarget = Line.to(() -> scene.fleet().listen(Part.MASTER_TARGET).orElseThrow())) {
            try (var file = new RandomAccessFile(machine.resolve("source.img").toFile(), "rw")) {
                file.setLength(DISK_BYTES);
            }
            toTarget.lengthen(load.oneWay);
            if (!load.oneWay.isZero()) {
                scene.fleet().configure(Part.PROCESS_SERVER,
                        "targets = [{ address = \"" + toTarget.address() + "\", machines = [\"*\"] }]");
            }
            scene.fleet().start();
            scene.awaitOrdered();
            scene.awaitJournaled();
            return measure(load, scene);
        }
    }

    private long measure(Load load, Scene scene) throws Exception {
        Process writer = scene.write(MARKER_OFFSET, load.bytesPerSecond, "--fsync=0", "--iodepth=16",
                "--rate_process=linear");
        Lags ages = new Lags();
        Lags waits = new Lags();
        try (Marker marker = new Marker(scene, waits)) {
            Havoc.rest(1000L * scale.warmSeconds());
            scene.awaitJournaled();
            waits.clear();
            long beganNanos = SystemClock.INSTANCE.nanos();
            long before = scene.fleet().machine(Part.SOURCE).count("capturedBytes");
            look(scene, ages, beganNanos + scale.seconds() * 1_000_000_000L);
            double seconds = (SystemClock.INSTANCE.nanos() - beganNanos) / 1e9;
            Answer source = scene.fleet().machine(Part.SOURCE);
            marker.stop();
            findings.put(load.name + "AskedMBPerSecond", load.bytesPerSecond / 1_000_000);
            findings.put(load.name + "MBPerSecond",
                    Math.round((source.count("capturedBytes") - before) / seconds / 1e5) / 10.0);
            findings.put(load.name + "Overflows", source.count("overflows"));
        } finally {
            Scene.stop(writer);
        }
        findings.put(load.name + "Looks", ages.count());
        findings.put(load.name + "RpoP50Millis", ages.millis(0.5));
        findings.put(load.name + "RpoP99Millis", ages.millis(0.99));
        findings.put(load.name + "RpoWorstMillis", ages.millis(1));
        findings.put(load.name + "WriteP50Millis", waits.millis(0.5));
        findings.put(load.name + "WriteP99Millis", waits.millis(0.99));
        findings.say(load.name + ": p99 " + ages.millis(0.99) + " ms");
        assertThat(ages.count()).as("how often the latest point was looked at").isPositive();
        scene.awaitJournaled();
        scene.assertIdentical();
        return ages.millis(0.99);
    }

    private void look(Scene scene, Lags ages, long untilNanos) throws IOException, ControlFault, InterruptedException {
        ByteBuffer block = ByteBuffer.allocate(MARKER_BYTES);
        var client = scene.fleet().client(Part.MASTER_TARGET);
        while (SystemClock.INSTANCE.nanos() < untilNanos) {
            try (var view = ExportCommand.OpenView.open(client, Map.of("at", "latest"));
                    BlockDevice disk = DiskSource.open(view.answer().groups("exports").getFirst().text("uri"))) {
                disk.read(MARKER_OFFSET, block.clear());
            }
            long markedNanos = block.getLong(0);
            assertThat(markedNanos).as("the time in the marker").isPositive();
            ages.add(SystemClock.INSTANCE.nanos() - markedNanos);
            Havoc.rest(LOOK_MILLIS);
        }
    }

    /** Writes the time into the marker, again and again; the first time before anybody has it. */
    private static final class Marker implements AutoCloseable {
        private final BlockDevice disk;
        private final Lags waits;
        private final Worker worker = new Worker("the marker", this::live);

        Marker(Scene scene, Lags waits) throws IOException {
            this.disk = scene.connect();
            this.waits = waits;
            write();
            worker.start();
        }

        private void live() throws IOException, InterruptedException {
            while (!worker.rest(MARKER_MILLIS)) {
                write();
            }
        }

        private void write() throws IOException {
            long now = SystemClock.INSTANCE.nanos();
            disk.write(MARKER_OFFSET, ByteBuffer.allocate(MARKER_BYTES).putLong(0, now));
            waits.add(SystemClock.INSTANCE.nanos() - now);
        }

        /** The time is written up to here. */
        void stop() throws IOException, InterruptedException {
            worker.stop();
        }

        @Override
        public void close() throws IOException {
            worker.close();
            disk.close();
        }
    }

    /** {@code ./check rpo}. */
    @Command(name = "./check rpo",
            description = "How old the latest point is at the master target, by a marker on the disk, on loopback and far away.")
    static final class Program extends CheckProgram {
        @Override
        void check(Findings findings) throws Exception {
            RpoCheck.run(isShort() ? RpoScale.SHORT : RpoScale.LONG, findings);
        }
    }

    public static void main(String[] arguments) {
        CheckProgram.main(new Program(), arguments);
    }
}

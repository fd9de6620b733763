package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * What a comparison of disks costs that differ in one of a hundred blocks: bytes on both hops, and time beside that of
 * reading both disks; and how many bytes more when the source and the master target are killed in the middle of it.
 */
final class ResyncCheck {
    private static final int BLOCK_BYTES = 4096;
    private static final int ONE_IN = 100;
    private static final int PIECE_BYTES = 1 << 20;
    private static final double CHANGES_FACTOR = 1.3;
    private static final double DISK_SHARE = 0.0005;
    private static final long LOOK_MILLIS = 5;

    private final ResyncScale scale;
    private final Findings findings;
    private final SplittableRandom random;
    private final Scene scene;
    private final Path target;
    private final List<Line> lines;

    private ResyncCheck(ResyncScale scale, Findings findings, Scene scene, List<Line> lines) {
        this.scale = scale;
        this.findings = findings;
        this.random = new SplittableRandom(findings.seed());
        this.scene = scene;
        this.target = scene.resolve("target.img");
        this.lines = lines;
    }

    /** Runs everything below a folder. What is wrong ends it with an {@link AssertionError}. */
    static void run(ResyncScale scale, Findings findings) throws Exception {
        // Sockets need a short path, and disks more room than memory has.
        Workplace place = Scene.place(Path.of("/var/tmp"));
        try (Scene scene = Scene.on(place, List.of(place.resolve("source.img")));
                Line toRelay = Line.to(() -> scene.fleet().listen(Part.PROCESS_SERVER).orElseThrow());
                Line toTarget = Line.to(() -> scene.fleet().listen(Part.MASTER_TARGET).orElseThrow())) {
            try {
                new ResyncCheck(scale, findings, scene, List.of(toRelay, toTarget)).run();
            } catch (AssertionError | Exception wrong) {
                System.err.println(scene.logs());
                throw wrong;
            }
        }
    }

    private void run() throws IOException, InterruptedException, ControlFault {
        Fleet fleet = scene.fleet();
        findings.put("diskBytes", scale.diskBytes());
        fill(scene.disk());
        Files.copy(scene.disk(), target);
        fleet.configure(Part.SOURCE, "process-servers = [\"" + lines.getFirst().address() + "\"]");
        fleet.configure(Part.PROCESS_SERVER,
                "targets = [{ address = \"" + lines.getLast().address() + "\", machines = [\"*\"] }]");
        fleet.configure(Part.MASTER_TARGET,
                "machines = [{ id = \"%s\", disks = [{ index = 0, path = \"%s\", format = raw }] }]"
                        .formatted(fleet.id(Part.SOURCE), target));
        fleet.start();
        rest();
        findings.say("both disks are alike");
        long undisturbed = undisturbed();
        findings.say("compared, undisturbed");
        killed(undisturbed);
        scene.assertIdentical();
        findings.say("identical");
    }

    /** Bytes of both lines, of the one that more went over. */
    private long movedBytes() {
        return lines.stream().mapToLong(Line::passedBytes).max().orElseThrow();
    }

    private void rest() throws ControlFault {
        scene.awaitOrdered();
        scene.awaitJournaled();
    }

    private long undisturbed() throws IOException, InterruptedException, ControlFault {
        long changedBytes = change();
        drop(scene.disk());
        drop(target);
        double reading = seconds(this::readBoth);
        drop(scene.disk());
        drop(target);
        long before = movedBytes();
        double resync = seconds(() -> {
            scene.fleet().start(Part.SOURCE);
            rest();
        });
        long moved = movedBytes() - before;
        double bound = CHANGES_FACTOR * changedBytes + DISK_SHARE * scale.diskBytes();
        findings.put("changedBytes", changedBytes);
        findings.put("movedBytes", moved);
        findings.put("toBound", ratio(moved / bound));
        findings.put("secondsReadingBoth", ratio(reading));
        findings.put("secondsResync", ratio(resync));
        findings.put("resyncToReading", ratio(resync / reading));
        assertThat((double) moved).as("bytes moved for %d changed", changedBytes).isLessThan(bound);
        return moved;
    }

    private void killed(long undisturbed) throws IOException, InterruptedException, ControlFault {
        Fleet fleet = scene.fleet();
        change();
        long before = movedBytes();
        fleet.start(Part.SOURCE);
        int kills = 0;
        while (kills < scale.kills() && awaitLeft(scale.diskBytes() * (scale.kills() - kills) / (scale.kills() + 1))) {
            Part victim = kills % 2 == 0 ? Part.SOURCE : Part.MASTER_TARGET;
            fleet.child(victim).kill();
            fleet.start(victim);
            kills++;
        }
        rest();
        long moved = movedBytes() - before;
        findings.put("kills", kills);
        findings.put("movedThroughKillsBytes", moved);
        findings.put("killedToUndisturbed", ratio((double) moved / undisturbed));
        assertThat(kills).as("kills in the middle of the comparison").isGreaterThan(scale.kills() / 2);
        assertThat((double) moved).as("bytes moved through %d kills, undisturbed %d", kills, undisturbed)
                .isLessThan(scale.killsFactor() * undisturbed);
    }

    /** Waits until no more than so much is still to be compared; false where there is nothing any more. */
    private boolean awaitLeft(long bytes) throws ControlFault, InterruptedException {
        while (true) {
            Answer machine = scene.fleet().machine(Part.SOURCE);
            if (machine.text("fidelity").equals("ORDERED")) {
                return false;
            }
            List<Answer> disks = machine.groups("disks");
            long left = disks.isEmpty() ? Long.MAX_VALUE
                    : disks.getFirst().count("totalBytes") - disks.getFirst().count("doneBytes");
            if (left > 0 && left <= bytes) {
                return true;
            }
            Havoc.rest(LOOK_MILLIS);
        }
    }

    /** One of a hundred blocks gets another content while no agent runs. */
    private long change() throws IOException, InterruptedException {
        scene.fleet().child(Part.SOURCE).stop();
        long changed = 0;
        byte[] block = new byte[BLOCK_BYTES];
        try (BlockDevice disk = Disks.open(scene.disk(), false)) {
            for (long at = 0; at < scale.diskBytes(); at += BLOCK_BYTES) {
                if (random.nextInt(ONE_IN) == 0) {
                    random.nextBytes(block);
                    disk.write(at, ByteBuffer.wrap(block));
                    changed += BLOCK_BYTES;
                }
            }
            disk.flush();
        }
        return changed;
    }

    private void fill(Path disk) throws IOException {
        byte[] piece = new byte[PIECE_BYTES];
        try (var file = new RandomAccessFile(disk.toFile(), "rw")) {
            for (long at = 0; at < scale.diskBytes(); at += piece.length) {
                random.nextBytes(piece);
                file.write(piece);
            }
        }
    }

    /** Out of the page cache. */
    private static void drop(Path file) throws IOException, InterruptedException {
        LoopDisk.must("dd", "of=" + file, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none");
    }

    /** Both from beginning to end, at the same time. */
    private void readBoth() throws IOException, InterruptedException {
        Worker other = new Worker("reading", () -> read(target));
        other.start();
        read(scene.disk());
        other.stop();
    }

    private static void read(Path disk) throws IOException {
        byte[] piece = new byte[PIECE_BYTES];
        try (var file = new RandomAccessFile(disk.toFile(), "r")) {
            int count = file.read(piece);
            while (count > 0) {
                count = file.read(piece);
            }
        }
    }

    private interface Work {
        void run() throws IOException, InterruptedException, ControlFault;
    }

    private static double seconds(Work work) throws IOException, InterruptedException, ControlFault {
        long beganNanos = SystemClock.INSTANCE.nanos();
        work.run();
        return (SystemClock.INSTANCE.nanos() - beganNanos) / 1e9;
    }

    private static double ratio(double value) {
        return Math.round(value * 1000) / 1000.0;
    }

    /** {@code ./check resync}. */
    @Command(name = "./check resync",
            description = "What comparing disks costs of which one block in a hundred differs, and what through kills.")
    static final class Program extends CheckProgram {
        @Option(names = "--mib", paramLabel = "N", description = "How large the disk is.")
        private int mib;

        @Override
        void check(Findings findings) throws Exception {
            ResyncScale usual = isShort() ? ResyncScale.SHORT : ResyncScale.LONG;
            ResyncCheck.run(mib == 0
                    ? usual
                    : new ResyncScale((long) mib << 20, usual.kills(), usual.killsFactor()), findings);
        }
    }

    public static void main(String[] arguments) {
        CheckProgram.main(new Program(), arguments);
    }
}

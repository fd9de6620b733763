package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.nbd.NbdClient;
import io.backhaul.cli.Ext4.Range;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.Clock;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * One run of the quickstart, from making the disk to the last proof. Progress goes to stderr. Owned by one thread, but
 * for {@link #close}, which ends the processes from any.
 */
final class Quickstart implements AutoCloseable {
    private static final Clock CLOCK = SystemClock.INSTANCE;
    private static final String MARK = "midway";
    private static final long SEED = 20_260_101;
    private static final long POLL_MILLIS = 100;
    private static final long BASELINE_LIMIT_NANOS = TimeUnit.MINUTES.toNanos(30);
    private static final int BLOCK_BYTES = 4096;

    private final Workplace place;
    private final Plan plan;
    private final Path disk;
    private final Fleet fleet;
    private final QuickstartReport report;
    private final long startNanos = CLOCK.nanos();
    private boolean isExt4;
    private boolean isSample;
    private long lagMaxBytes;
    private long rpoMaxMillis;

    /**
     * What is wanted.
     *
     * @param image
     *            what to copy; empty to make a new image
     * @param sizeBytes
     *            of the new image
     * @param loadMillis
     *            how long to write before the mark, and after it
     */
    record Plan(Path image, long sizeBytes, long loadMillis) {}

    Quickstart(Workplace place, Plan plan) {
        this.place = place;
        this.plan = plan;
        this.disk = place.resolve("source.img");
        this.fleet = new Fleet(place.folder(), disk);
        this.report = new QuickstartReport(disk, place.isKept());
    }

    QuickstartReport report() {
        return report;
    }

    /** Does it all; what cannot be done ends it with an exception. */
    void run() throws IOException, InterruptedException, ControlFault {
        makeDisk();
        List<Range> places = placesToWrite();
        say("starting management, master target, process server and source");
        fleet.start();
        String uri = fleet.machine(Part.SOURCE).groups("disks").getFirst().text("uri");
        try (NbdClient capture = DiskSource.connect(uri); WriteLoad load = WriteLoad.start(capture, places, SEED)) {
            long loadStartNanos = CLOCK.nanos();
            awaitBaseline();
            write(load, "writing");
            addFile(load, capture, "before-the-mark");
            Path markCopy = place.resolve("source-at-mark.img");
            String mark = mark(load, markCopy);
            Path recoveredMark = recoverMark();
            write(load, "writing on");
            addFile(load, capture, "after-the-mark");
            load.stop();
            capture.flush();
            noteLoad(load, loadStartNanos);
            prove(mark, recoveredMark, markCopy);
        }
        report.figure("totalSeconds", secondsSince(startNanos));
    }

    private void makeDisk() throws IOException, InterruptedException {
        if (!plan.image.toString().isEmpty()) {
            say("copying " + plan.image + ", which itself is not written");
            try (BlockDevice image = Disks.open(plan.image, true);
                    var bar = new ProgressLine("copying", CLOCK)) {
                DiskCopy.copy(image, disk, (done, total) -> bar.show(done, total, ""));
            }
            isExt4 = Ext4.isOn(disk) && isJudgeable();
        } else if (Ext4.isToolSetThere()) {
            say("making an ext4 image of " + Printing.bytes(plan.sizeBytes) + " with files of the JDK");
            SampleImage.make(disk, place.resolve("staging"), plan.sizeBytes);
            isExt4 = true;
            isSample = true;
        } else {
            say("mke2fs, e2fsck or debugfs is missing (Debian: e2fsprogs): the disk is a raw image without a file system");
            SampleImage.makeRaw(disk, plan.sizeBytes);
        }
        report.figure("diskBytes", Files.size(disk));
        if (isSample) {
            Files.copy(disk, shape());
        }
    }

    /** Whether the user's file system is clean as it is, so that what e2fsck says of the recovered one means something. */
    private boolean isJudgeable() throws IOException, InterruptedException {
        if (Tool.find("e2fsck").isEmpty() || Tool.find("dumpe2fs").isEmpty()) {
            say("e2fsck or dumpe2fs is missing (Debian: e2fsprogs): the load writes anywhere, and e2fsck is left out");
            return false;
        }
        if (Ext4.check(disk).exitCode() != 0) {
            say("its file system is not clean as it is: the load writes anywhere, and e2fsck is left out");
            return false;
        }
        return true;
    }

    /** A copy of the sample that only debugfs writes to: what it changes there is then written to the disk. */
    private Path shape() {
        return place.resolve("shape.img");
    }

    /** Where the load may write without harming a file system: a file made for it, free blocks, or anywhere. */
    private List<Range> placesToWrite() throws IOException, InterruptedException {
        if (isSample) {
            return Ext4.blocksOf(disk, SampleImage.LEDGER);
        }
        if (isExt4) {
            List<Range> free = Ext4.freeBlocks(disk);
            if (!free.isEmpty()) {
                return free;
            }
            say("its file system is full: the load writes anywhere, and e2fsck is left out");
            isExt4 = false;
        }
        return List.of(new Range(0, Files.size(disk) / BLOCK_BYTES * BLOCK_BYTES));
    }

    private void awaitBaseline() throws IOException, InterruptedException, ControlFault {
        long begunNanos = CLOCK.nanos();
        try (var bar = new ProgressLine("baseline", CLOCK)) {
            while (true) {
                Answer machine = poll();
                Answer first = machine.groups("disks").getFirst();
                if (machine.text("fidelity").equals("ORDERED")) {
                    bar.end(first.count("totalBytes"), "under live writes");
                    break;
                }
                bar.show(first.count("doneBytes"), first.count("totalBytes"), "under live writes");
                if (CLOCK.nanos() - begunNanos > BASELINE_LIMIT_NANOS) {
                    throw Failure.failed("the baseline has not ended within 30 minutes; see the logs with --keep");
                }
                pause();
            }
        }
        double seconds = secondsSince(begunNanos);
        Answer machine = fleet.machine(Part.SOURCE);
        report.figure("baselineSeconds", seconds);
        report.figure("baselineBytesPerSecond", Files.size(disk) / Math.max(seconds, 1e-3));
        report.figure("baselineReadBytes", machine.count("readBytes"));
    }

    private Answer poll() throws ControlFault {
        if (!fleet.fallen().isEmpty()) {
            Part part = fleet.fallen().getFirst();
            throw Failure.failed("the " + part.label() + " has ended by itself: " + fleet.child(part).lastWords());
        }
        return fleet.machine(Part.SOURCE);
    }

    private static void pause() throws InterruptedException {
        if (new CountDownLatch(1).await(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException("nobody counts down");
        }
    }

    private void write(WriteLoad load, String title) throws InterruptedException, ControlFault {
        long begunNanos = CLOCK.nanos();
        long totalNanos = TimeUnit.MILLISECONDS.toNanos(plan.loadMillis);
        long before = load.writtenBytes();
        try (var bar = new ProgressLine(title, CLOCK)) {
            while (CLOCK.nanos() - begunNanos < totalNanos) {
                Answer machine = poll();
                lagMaxBytes = Math.max(lagMaxBytes, machine.count("lagBytes"));
                rpoMaxMillis = Math.max(rpoMaxMillis, machine.count("rpoMillis"));
                long written = load.writtenBytes() - before;
                double part = Math.max(0.01, (double) (CLOCK.nanos() - begunNanos) / totalNanos);
                bar.show(written, (long) (written / part), "lag " + Printing.bytes(machine.count("lagBytes")) + ", RPO "
                        + Printing.millis(machine.count("rpoMillis")));
                pause();
            }
            bar.end(load.writtenBytes() - before, "lag at most " + Printing.bytes(lagMaxBytes));
        }
    }

    /** Adds a file to the live file system: debugfs does it on a copy, and the blocks it changed are written here. */
    private void addFile(WriteLoad load, BlockDevice capture, String name) throws IOException, InterruptedException {
        if (!isSample) {
            return;
        }
        Path content = place.resolve(name);
        Files.writeString(content, ("This file was added while the disk was replicated: " + name + "\n").repeat(200));
        Path next = place.resolve("shape-next.img");
        Files.copy(shape(), next);
        Ext4.add(next, content, name);
        try (BlockDevice before = Disks.open(shape(), true); BlockDevice after = Disks.open(next, true)) {
            load.pause(() -> {
                writeChanges(before, after, capture);
                return true;
            });
        }
        Files.delete(shape());
        Files.move(next, shape());
    }

    private static void writeChanges(BlockDevice before, BlockDevice after, BlockDevice target) throws IOException {
        DiskComparison.differing(before, after, (offset, length) -> {
            ByteBuffer block = ByteBuffer.allocate((int) length);
            after.read(offset, block);
            target.write(offset, block.flip());
        });
        target.flush();
    }

    /** Marks the state of this moment and keeps a copy of the disk as it is now. */
    private String mark(WriteLoad load, Path copy) throws IOException, InterruptedException {
        String position = load.pause(() -> {
            Files.copy(disk, copy);
            try {
                return new Answer(fleet.client(Part.SOURCE).ask("mark", Map.of("label", MARK, "wait", true)))
                        .text("position");
            } catch (ControlFault refused) {
                throw new IOException(refused.getMessage(), refused);
            }
        });
        say("marked '" + MARK + "' at " + position);
        return position;
    }

    /** Recovers the mark to a new VMDK while replication goes on. */
    private Path recoverMark() throws IOException, ControlFault {
        Path recovered = place.resolve("recovered-" + MARK + ".vmdk");
        long begunNanos = CLOCK.nanos();
        Map<String, Object> request = Map.of("machine", fleet.id(Part.SOURCE).toString(), "at", MARK, "writable", false,
                "listen", "unix:" + place.resolve("view.sock"));
        try (var view = ExportCommand.OpenView.open(fleet.client(Part.MASTER_TARGET), request);
                var bar = new ProgressLine("recovering '" + MARK + "'", CLOCK)) {
            view.copyTo(0, recovered, (done, total) -> bar.show(done, total, ""));
        }
        report.figure("recoverMarkSeconds", secondsSince(begunNanos));
        return recovered;
    }

    private void noteLoad(WriteLoad load, long loadStartNanos) {
        report.figure("loadBytes", load.writtenBytes());
        report.figure("loadWrites", load.writes());
        report.figure("loadBytesPerSecond", load.writtenBytes() / secondsSince(loadStartNanos));
        report.figure("lagMaxBytes", lagMaxBytes);
        report.figure("rpoMaxMillis", rpoMaxMillis);
    }

    private void prove(String mark, Path recoveredMark, Path markCopy)
            throws IOException, InterruptedException, ControlFault {
        Path latestCopy = place.resolve("source-latest.img");
        Files.copy(disk, latestCopy);
        long drainNanos = CLOCK.nanos();
        String latest = new Answer(fleet.client(Part.SOURCE).ask("mark", Map.of("label", "latest-state", "wait", true)))
                .text("position");
        report.figure("drainSeconds", secondsSince(drainNanos));
        noteStream();
        Promoted promoted = promote();
        say("comparing with the source, byte for byte");
        report.add(Proof.of(mark, MARK, recoveredMark, markCopy, isExt4));
        report.add(Proof.of(latest, "latest", promoted.path, latestCopy, isExt4));
        if (isSample) {
            refuseMissing(recoveredMark, promoted.path);
        }
    }

    private void noteStream() throws ControlFault {
        Answer source = fleet.machine(Part.SOURCE);
        long payload = source.count("payloadBytes");
        long sent = source.count("sentBytes");
        report.figure("readBytes", source.count("readBytes"));
        report.figure("capturedBytes", source.count("capturedBytes"));
        report.figure("payloadBytes", payload);
        report.figure("sentBytes", sent);
        report.figure("compressionRatio", sent == 0 ? 1 : (double) payload / sent);
        report.figure("journalBytes", fleet.machine(Part.MASTER_TARGET).count("journalBytes"));
        report.figure("lagBytes", source.count("lagBytes"));
    }

    private record Promoted(String position, Path path) {}

    private Promoted promote() throws ControlFault {
        long begunNanos = CLOCK.nanos();
        Map<String, Object> request = Map.of("machine", fleet.id(Part.SOURCE).toString(), "at", "latest");
        try (var bar = new ProgressLine("promoting the latest state", CLOCK)) {
            Answer answer = new Answer(fleet.client(Part.MASTER_TARGET).ask("promote", request, line -> {
                var now = new Answer(line);
                bar.show(now.count("doneBytes"), now.count("totalBytes"), "");
            }));
            report.figure("recoverLatestSeconds", secondsSince(begunNanos));
            return new Promoted(answer.text("position"), Path.of(answer.groups("disks").getFirst().text("path")));
        }
    }

    /** The file systems hold what they should: the mark the first added file only, the latest state both. */
    private static void refuseMissing(Path mark, Path latest) throws IOException, InterruptedException {
        Path atMark = Proof.flatFile(mark);
        Path atEnd = Proof.flatFile(latest);
        if (!Ext4.holds(atMark, "before-the-mark") || Ext4.holds(atMark, "after-the-mark")
                || !Ext4.holds(atEnd, "before-the-mark") || !Ext4.holds(atEnd, "after-the-mark")) {
            throw Failure.failed("the recovered file systems do not hold the files that were added meanwhile");
        }
    }

    private static double secondsSince(long nanos) {
        return (CLOCK.nanos() - nanos) / 1e9;
    }

    private static void say(String line) {
        System.err.println("  " + line);
    }

    /** Ends the processes. */
    @Override
    public void close() {
        fleet.close();
    }
}

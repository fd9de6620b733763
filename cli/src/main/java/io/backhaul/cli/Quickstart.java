package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.Clock;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One run of the quickstart, from making the disk to the last proof. Progress goes to stderr. Owned by one thread, but
 * for {@link #close}, which ends the processes from any.
 */
final class Quickstart implements AutoCloseable {
    private static final Clock CLOCK = SystemClock.INSTANCE;
    private static final String MARK = "midway";
    private static final long POLL_MILLIS = 100;
    private static final long BASELINE_LIMIT_NANOS = TimeUnit.MINUTES.toNanos(30);

    private final Workplace place;
    private final Plan plan;
    private final QuickstartDisk disk;
    private final QuickstartReport report;
    private final long startNanos = CLOCK.nanos();
    private @Nullable Fleet fleet;
    private boolean closed;
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
    record Plan(Path image, long sizeBytes, long loadMillis) {
        /** Copies what is to be protected; itself it is not written. */
        void copyImage(Path copy) throws IOException {
            say("copying " + image + ", which itself is not written");
            try (BlockDevice original = Disks.open(image, true); var bar = new ProgressLine("copying", CLOCK)) {
                DiskCopy.copy(original, copy, (done, total) -> bar.show(done, total, ""));
            }
        }
    }

    /**
     * One run.
     *
     * @param isEbpf
     *            whether writes are captured in the kernel
     */
    Quickstart(Workplace place, Plan plan, boolean isEbpf) {
        this.place = place;
        this.plan = plan;
        this.disk = isEbpf ? new MountedDisk(place, plan) : new ImageBehindNbd(place, plan);
        this.report = new QuickstartReport(place.resolve("source.img"), disk.capture(), place.isKept());
    }

    QuickstartReport report() {
        return report;
    }

    /** Does it all; what cannot be done ends it with an exception. */
    void run() throws IOException, InterruptedException, ControlFault {
        disk.make();
        report.figure("diskBytes", disk.sizeBytes());
        say("starting management, master target, process server and source");
        Fleet started = assembled();
        started.start();
        disk.begin(started);
        long loadStartNanos = CLOCK.nanos();
        awaitBaseline();
        write("writing");
        disk.addFile("before-the-mark");
        Path markCopy = place.resolve("source-at-mark.img");
        String mark = mark(markCopy);
        Path recoveredMark = recoverMark();
        write("writing on");
        disk.addFile("after-the-mark");
        disk.end();
        noteLoad(loadStartNanos);
        prove(mark, recoveredMark, markCopy);
        report.figure("totalSeconds", secondsSince(startNanos));
    }

    private synchronized Fleet assembled() {
        if (closed) {
            throw Failure.failed("interrupted");
        }
        var assembled = new Fleet(place.folder(), List.of(disk.path()));
        assembled.configure(Part.SOURCE, disk.configuration());
        fleet = assembled;
        return assembled;
    }

    private Fleet fleet() {
        Fleet running = fleet;
        if (running == null) {
            throw new IllegalStateException("no part runs yet");
        }
        return running;
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
        Answer machine = fleet().machine(Part.SOURCE);
        report.figure("baselineSeconds", seconds);
        report.figure("baselineBytesPerSecond", disk.sizeBytes() / Math.max(seconds, 1e-3));
        report.figure("baselineReadBytes", machine.count("readBytes"));
    }

    private Answer poll() throws ControlFault {
        if (!fleet().fallen().isEmpty()) {
            Part part = fleet().fallen().getFirst();
            throw Failure.failed("the " + part.label() + " has ended by itself: " + fleet().child(part).lastWords());
        }
        return fleet().machine(Part.SOURCE);
    }

    private static void pause() throws InterruptedException {
        if (new CountDownLatch(1).await(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException("nobody counts down");
        }
    }

    private void write(String title) throws IOException, InterruptedException, ControlFault {
        long begunNanos = CLOCK.nanos();
        long totalNanos = TimeUnit.MILLISECONDS.toNanos(plan.loadMillis);
        long before = disk.writtenBytes();
        try (var bar = new ProgressLine(title, CLOCK)) {
            while (CLOCK.nanos() - begunNanos < totalNanos) {
                Answer machine = poll();
                lagMaxBytes = Math.max(lagMaxBytes, machine.count("lagBytes"));
                rpoMaxMillis = Math.max(rpoMaxMillis, machine.count("rpoMillis"));
                long written = disk.writtenBytes() - before;
                double part = Math.max(0.01, (double) (CLOCK.nanos() - begunNanos) / totalNanos);
                bar.show(written, (long) (written / part), "lag " + Printing.bytes(machine.count("lagBytes")) + ", RPO "
                        + Printing.millis(machine.count("rpoMillis")));
                pause();
            }
            bar.end(disk.writtenBytes() - before, "lag at most " + Printing.bytes(lagMaxBytes));
        }
    }

    /** Marks the state of this moment and keeps a copy of the disk as it is now. */
    private String mark(Path copy) throws IOException, InterruptedException {
        String position = disk.quiet(() -> {
            disk.copyTo(copy);
            try {
                return new Answer(fleet().client(Part.SOURCE).ask("mark", Map.of("label", MARK, "wait", true)))
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
        Map<String, Object> request = Map.of("machine", fleet().id(Part.SOURCE).toString(), "at", MARK, "writable",
                false,
                "listen", "unix:" + place.resolve("view.sock"));
        try (var view = ExportCommand.OpenView.open(fleet().client(Part.MASTER_TARGET), request);
                var bar = new ProgressLine("recovering '" + MARK + "'", CLOCK)) {
            view.copyTo(0, recovered, (done, total) -> bar.show(done, total, ""));
        }
        report.figure("recoverMarkSeconds", secondsSince(begunNanos));
        return recovered;
    }

    private void noteLoad(long loadStartNanos) throws IOException {
        report.figure("loadBytes", disk.writtenBytes());
        report.figure("loadWrites", disk.writes());
        report.figure("loadBytesPerSecond", disk.writtenBytes() / secondsSince(loadStartNanos));
        report.figure("lagMaxBytes", lagMaxBytes);
        report.figure("rpoMaxMillis", rpoMaxMillis);
    }

    private void prove(String mark, Path recoveredMark, Path markCopy)
            throws IOException, InterruptedException, ControlFault {
        Path latestCopy = place.resolve("source-latest.img");
        disk.copyTo(latestCopy);
        long drainNanos = CLOCK.nanos();
        String latest = new Answer(
                fleet().client(Part.SOURCE).ask("mark", Map.of("label", "latest-state", "wait", true)))
                .text("position");
        report.figure("drainSeconds", secondsSince(drainNanos));
        noteStream();
        Promoted promoted = promote();
        say("comparing with the source, byte for byte");
        report.add(Proof.of(mark, MARK, recoveredMark, markCopy, disk.isExt4()));
        report.add(Proof.of(latest, "latest", promoted.path, latestCopy, disk.isExt4()));
        if (disk.isSample()) {
            refuseMissing(recoveredMark, promoted.path);
        }
    }

    private void noteStream() throws ControlFault {
        Answer source = fleet().machine(Part.SOURCE);
        long payload = source.count("payloadBytes");
        long sent = source.count("sentBytes");
        report.figure("readBytes", source.count("readBytes"));
        report.figure("capturedBytes", source.count("capturedBytes"));
        report.figure("payloadBytes", payload);
        report.figure("sentBytes", sent);
        report.figure("compressionRatio", sent == 0 ? 1 : (double) payload / sent);
        report.figure("journalBytes", fleet().machine(Part.MASTER_TARGET).count("journalBytes"));
        report.figure("lagBytes", source.count("lagBytes"));
    }

    private record Promoted(String position, Path path) {}

    private Promoted promote() throws ControlFault {
        long begunNanos = CLOCK.nanos();
        Map<String, Object> request = Map.of("machine", fleet().id(Part.SOURCE).toString(), "at", "latest");
        try (var bar = new ProgressLine("promoting the latest state", CLOCK)) {
            Answer answer = new Answer(fleet().client(Part.MASTER_TARGET).ask("promote", request, line -> {
                var now = new Answer(line);
                bar.show(now.count("doneBytes"), now.count("totalBytes"), "");
            }));
            report.figure("recoverLatestSeconds", secondsSince(begunNanos));
            return new Promoted(answer.text("position"), Path.of(answer.groups("disks").getFirst().text("path")));
        }
    }

    /** The file systems hold what they should: the mark the first added file only, the latest state both. */
    private void refuseMissing(Path mark, Path latest) throws IOException, InterruptedException {
        Path atMark = Proof.flatFile(mark);
        Path atEnd = Proof.flatFile(latest);
        if (!disk.holds(atMark, "before-the-mark") || disk.holds(atMark, "after-the-mark")
                || !disk.holds(atEnd, "before-the-mark") || !disk.holds(atEnd, "after-the-mark")) {
            throw Failure.failed("the recovered file systems do not hold the files that were added meanwhile");
        }
    }

    private static double secondsSince(long nanos) {
        return (CLOCK.nanos() - nanos) / 1e9;
    }

    /** The content of a file that is added meanwhile. */
    static String contentOf(String name) {
        return ("This file was added while the disk was replicated: " + name + "\n").repeat(200);
    }

    static void say(String line) {
        System.err.println("  " + line);
    }

    /** Ends the writer, the processes and what is in the kernel, and lets go of the disk. */
    @Override
    public void close() {
        Fleet running;
        synchronized (this) {
            closed = true;
            running = fleet;
        }
        if (running != null) {
            running.close();
            disk.release(running.config(Part.SOURCE));
        }
        disk.close();
    }
}

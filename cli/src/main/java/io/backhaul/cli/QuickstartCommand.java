package io.backhaul.cli;

import io.backhaul.engine.config.Units;
import io.backhaul.source.CaptureSupport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The whole path on one machine, with nothing to set up: replicates a real disk, recovers it, and proves both. */
@Command(name = "quickstart", sortOptions = false,
        description = {
            "Replicate a disk under live writes, recover a marked point and the latest state, and prove both.",
            "Starts management, process server, master target and source as processes on loopback, and ends them."})
final class QuickstartCommand extends Verb {
    private static final long MIN_SIZE_BYTES = 64L << 20;

    /** How writes are captured. */
    enum CaptureChoice {
        AUTO, EBPF, NBD
    }

    @Option(names = "--dir", paramLabel = "DIR", defaultValue = "",
            description = "Work in this empty or new folder (default: a temporary one).")
    private Path folder = Path.of("");

    @Option(names = "--disk", paramLabel = "IMAGE", defaultValue = "",
            description = "Protect a copy of this raw image instead of a new ext4 one; the image itself is not written.")
    private Path disk = Path.of("");

    @Option(names = "--capture", paramLabel = "auto|ebpf|nbd", defaultValue = "auto",
            description = "How writes are captured (default: ${DEFAULT-VALUE}).")
    private CaptureChoice capture = CaptureChoice.AUTO;

    @Option(names = "--size", paramLabel = "SIZE", defaultValue = "256MiB",
            description = "How large the new image is (default: ${DEFAULT-VALUE}).")
    private String size = "256MiB";

    @Option(names = "--load", paramLabel = "DURATION", defaultValue = "4s",
            description = "How long to write before the mark, and again after it (default: ${DEFAULT-VALUE}).")
    private String load = "4s";

    @Option(names = "--keep", description = "Keep the folder with the disks, the journal and the logs.")
    private boolean keep;

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        boolean isEbpf = isEbpf();
        var plan = new Quickstart.Plan(disk, sizeBytes(), loadMillis());
        Workplace place = Workplace.open(folder, keep);
        var run = new Quickstart(place, plan, isEbpf);
        Thread cleaning = new Thread(() -> clean(run, place), "clean-up");
        Runtime.getRuntime().addShutdownHook(cleaning);
        boolean proved;
        try {
            run.run();
            Map<String, Object> result = run.report().asMap();
            printing.print(result, out -> run.report().print(out));
            proved = run.report().holds();
        } finally {
            clean(run, place);
        }
        return proved ? Backhaul.DONE : Backhaul.FAILED;
    }

    /** Whether writes are to be captured in the kernel: as wanted, or where that can be done. */
    private boolean isEbpf() throws IOException, InterruptedException {
        if (capture == CaptureChoice.NBD) {
            return false;
        }
        String obstacle = obstacle();
        if (capture == CaptureChoice.EBPF && !obstacle.isEmpty()) {
            throw Failure.usage("--capture ebpf: " + obstacle);
        }
        return obstacle.isEmpty();
    }

    private String obstacle() throws IOException, InterruptedException {
        CaptureSupport support = CaptureSupport.read();
        if (!support.isComplete()) {
            return support.missing();
        }
        if (!Ext4.isToolSetThere()) {
            return "mke2fs, e2fsck or debugfs is missing (Debian: e2fsprogs)";
        }
        if (!disk.toString().isEmpty() && Files.isReadable(disk) && !Ext4.isOn(disk)) {
            return disk + " holds no ext4 that could be mounted; use nbd";
        }
        return LoopDisk.obstacle().orElse("");
    }

    private static void clean(Quickstart run, Workplace place) {
        run.close();
        try {
            place.close();
        } catch (IOException refused) {
            System.err.println("backhaul: " + place.folder() + " could not be removed: " + Explanation.line(refused));
        }
    }

    private long sizeBytes() throws IOException {
        if (!disk.toString().isEmpty()) {
            if (!Files.isReadable(disk)) {
                throw Failure.usage("--disk " + disk + ": there is no such image that can be read; check the path");
            }
            return 0;
        }
        long bytes = parsed(size, Units::parseBytes, "--size");
        if (bytes < MIN_SIZE_BYTES) {
            throw Failure.usage("--size must be at least 64MiB, not '" + size + "'");
        }
        return bytes / 4096 * 4096;
    }

    private long loadMillis() {
        return parsed(load, Units::parseDuration, "--load").toMillis();
    }

    private static <T> T parsed(String text, Function<String, T> parser, String option) {
        try {
            return parser.apply(text);
        } catch (IllegalArgumentException wrong) {
            throw Failure.usage(option + " must be " + wrong.getMessage() + ", not '" + text + "'");
        }
    }
}

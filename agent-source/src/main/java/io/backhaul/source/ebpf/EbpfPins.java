package io.backhaul.source.ebpf;

import io.backhaul.blockio.bpf.BpfHandle;
import io.backhaul.blockio.bpf.BpfObject;
import io.backhaul.blockio.bpf.PinFolder;
import io.backhaul.blockio.bpf.SharedMemory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;

/**
 * The programs, maps and links of a machine in the kernel, pinned under {@code /sys/fs/bpf/backhaul/<machine>} so that they
 * outlive the agent: made, found again, and taken away.
 */
public final class EbpfPins {
    static final String CALIBRATE = "calibrate";
    static final List<String> PROGRAMS = List.of("queue_loops", "queue_bounded", "complete_loops", "complete_bounded",
            "request_loops", "request_bounded",
            CALIBRATE);
    private static final String QUEUE = "block_bio_queue";
    private static final String COMPLETE = "block_bio_complete";
    private static final String REQUEST = "block_rq_complete";
    private static final String OBJECT = "capture.bpf.o";
    private static final int HELPER_LOOP = 181;
    private static final List<String> MAPS = List.of("ring", "control", "marks", "notes");
    /** What the programs are pinned as, and the links that have them run. */
    private static final List<String> ATTACHED = List.of("complete", "request", "queue");
    private static final String READY = "ready";
    private static final Path FOLDER = BpfHandle.PINS.resolve("backhaul");

    private EbpfPins() {}

    /**
     * What the capture takes of the kernel's memory, and how patient it is.
     *
     * @param ringBytes
     *            a power of two; 1 GiB at most, for more cannot be addressed as one piece here
     * @param blockBytes
     *            what one byte of the map of lost blocks stands for; a power of two
     * @param settleNanos
     *            how long writes may be under way before their disk counts as stuck
     * @param bounded
     *            whether to do without the kernel's {@code bpf_loop} even where it has it
     */
    public record Bounds(int ringBytes, int blockBytes, long settleNanos, boolean bounded) {
        private static final long SETTLE_NANOS = 60_000_000_000L;

        public Bounds(int ringBytes, int blockBytes) {
            this(ringBytes, blockBytes, SETTLE_NANOS, false);
        }

        public Bounds {
            if (Integer.bitCount(ringBytes) != 1 || Integer.bitCount(blockBytes) != 1) {
                throw new IllegalArgumentException(ringBytes + " or " + blockBytes + " is no power of two");
            }
        }
    }

    /**
     * A capture that runs.
     *
     * @param found
     *            why what was there before is not gone on with; empty where it is, or nothing was there
     */
    public record Attached(CaptureRing ring, String found) {}

    /** Where the pins of a machine are. */
    public static Path folder(UUID machine) {
        return FOLDER.resolve(machine.toString());
    }

    /** Whether anything is pinned for a machine. */
    public static boolean isPinned(UUID machine) {
        return Files.isDirectory(folder(machine));
    }

    /**
     * Goes on with what is pinned, or begins to capture. Blocks; on a platform thread.
     *
     * @param disk
     *            one that may be read, to find out where the kernel has its memory
     * @throws IOException
     *             in one clear line, where this kernel or this process cannot
     */
    public static Attached attach(UUID machine, List<EbpfTarget> targets, Bounds bounds, Path disk,
            RandomGenerator random)
            throws IOException {
        if (targets.isEmpty() || targets.size() > KernelLayout.MAX_TARGETS) {
            throw new IOException(
                    "eBPF captures 1 to " + KernelLayout.MAX_TARGETS + " disks of a machine, not " + targets.size());
        }
        BpfHandle.mountPins();
        Path folder = Files.createDirectories(folder(machine));
        PinFolder held = hold(machine);
        boolean fresh = isEmpty(folder);
        try {
            String unfit = fresh ? "" : unfit(folder, targets, bounds);
            if (!unfit.isEmpty()) {
                clear(folder);
                fresh = true;
            }
            if (fresh) {
                begin(folder, targets, bounds, Calibration.find(object(), disk, random));
            }
            return new Attached(open(held, folder, targets, bounds, fresh), unfit);
        } catch (IOException | RuntimeException failed) {
            if (fresh) {
                undo(folder, failed);
            }
            held.close();
            throw failed;
        }
    }

    /** Nobody else uses or removes what is pinned for a machine. */
    private static PinFolder hold(UUID machine) throws IOException {
        PinFolder held = PinFolder.hold(folder(machine));
        if (held == null) {
            throw new IOException("an agent of machine " + machine + " is running and captures in the kernel:"
                    + " stop it first");
        }
        return held;
    }

    /** Of what could not be begun nothing stays. */
    private static void undo(Path folder, Exception because) {
        try {
            remove(folder);
        } catch (IOException also) {
            because.addSuppressed(also);
        }
    }

    /** Why what is pinned cannot be gone on with; empty where it can. */
    private static String unfit(Path folder, List<EbpfTarget> targets, Bounds bounds) throws IOException {
        if (!Files.exists(folder.resolve(READY))) {
            return "an earlier beginning was cut off";
        }
        for (String pin : pins()) {
            if (!Files.exists(folder.resolve(pin))) {
                return "of what was pinned there is no " + pin + " any more";
            }
        }
        try (BpfHandle map = BpfHandle.open(folder.resolve("control"));
                SharedMemory control = map.map(0, map.valueBytes(), false);
                BpfHandle ring = BpfHandle.open(folder.resolve("ring"))) {
            int version = control.getIntAcquire(KernelLayout.CONTROL_VERSION);
            if (version != KernelLayout.VERSION) {
                return "it was left by another version of the agent, with layout " + version;
            }
            if (ring.maxEntries() != bounds.ringBytes()
                    || 1L << control.getIntAcquire(KernelLayout.CONTROL_BLOCK_SHIFT) != bounds.blockBytes()) {
                return "it was begun with other sizes";
            }
            boolean same = control.getIntAcquire(KernelLayout.CONTROL_TARGETS) == targets.size();
            for (int i = 0; same && i < targets.size(); i++) {
                same = isSame(control, KernelLayout.target(i), targets.get(i));
            }
            return same ? "" : "it was begun for other disks";
        }
    }

    /** Without which nothing is captured. */
    private static List<String> pins() {
        List<String> all = new ArrayList<>(MAPS);
        for (String each : ATTACHED) {
            all.add("program-" + each);
            all.add("link-" + each);
        }
        return all;
    }

    private static boolean isSame(SharedMemory control, int at, EbpfTarget target) {
        return control.getIntAcquire(at + KernelLayout.TARGET_DEVICE) == target.whole().kernelDevice()
                && control.getIntAcquire(at + KernelLayout.TARGET_DISK) == target.disk()
                && control.getAcquire(at + KernelLayout.TARGET_FIRST_BYTE) == target.firstByte()
                && control.getAcquire(at + KernelLayout.TARGET_SIZE) == target.sizeBytes()
                && control.getAcquire(at + KernelLayout.TARGET_SEQUENCE) == target.whole().sequence();
    }

    private static void begin(Path folder, List<EbpfTarget> targets, Bounds bounds, Calibration calibration)
            throws IOException {
        long pages = 0;
        for (EbpfTarget target : targets) {
            pages += markPages(target, bounds);
        }
        boolean loops = BpfObject.hasHelper(HELPER_LOOP) && !bounds.bounded();
        String queue = loops ? "queue_loops" : "queue_bounded";
        String complete = loops ? "complete_loops" : "complete_bounded";
        String request = loops ? "request_loops" : "request_bounded";
        try (BpfObject object = BpfObject.open(object())) {
            keepOnly(object, List.of(queue, complete, request));
            object.size("ring", bounds.ringBytes());
            object.size("marks", Math.toIntExact(pages));
            object.load();
            for (String map : MAPS) {
                try (BpfHandle handle = object.openMap(map)) {
                    handle.pin(folder.resolve(map));
                    if (map.equals("control")) {
                        settle(handle, targets, bounds, calibration);
                    }
                }
            }
            // The end of writes is seen before their beginning is: a write must not seem to go on for ever.
            attach(object, folder, complete, COMPLETE, ATTACHED.get(0));
            attach(object, folder, request, REQUEST, ATTACHED.get(1));
            attach(object, folder, queue, QUEUE, ATTACHED.get(2));
        }
        Files.createDirectory(folder.resolve(READY));
    }

    private static long markPages(EbpfTarget target, Bounds bounds) {
        long blocks = (target.sizeBytes() + bounds.blockBytes() - 1) / bounds.blockBytes();
        return (blocks + KernelLayout.MARKS_PAGE_BYTES - 1) / KernelLayout.MARKS_PAGE_BYTES;
    }

    private static void settle(BpfHandle map, List<EbpfTarget> targets, Bounds bounds, Calibration calibration)
            throws IOException {
        try (SharedMemory control = map.map(0, KernelLayout.CONTROL_BYTES, true)) {
            control.setIntVolatile(KernelLayout.CONTROL_VERSION, KernelLayout.VERSION);
            control.setIntVolatile(KernelLayout.CONTROL_BLOCK_SHIFT,
                    Integer.numberOfTrailingZeros(bounds.blockBytes()));
            control.setVolatile(KernelLayout.CONTROL_PAGE_OFFSET, calibration.pageOffset());
            control.setVolatile(KernelLayout.CONTROL_VMEMMAP, calibration.vmemmap());
            long firstPage = 0;
            for (int i = 0; i < targets.size(); i++) {
                EbpfTarget target = targets.get(i);
                int at = KernelLayout.target(i);
                control.setIntVolatile(at + KernelLayout.TARGET_DEVICE, target.whole().kernelDevice());
                control.setIntVolatile(at + KernelLayout.TARGET_DISK, target.disk());
                control.setVolatile(at + KernelLayout.TARGET_FIRST_BYTE, target.firstByte());
                control.setVolatile(at + KernelLayout.TARGET_SIZE, target.sizeBytes());
                control.setVolatile(at + KernelLayout.TARGET_FIRST_MARK, firstPage * KernelLayout.MARKS_PAGE_BYTES);
                control.setVolatile(at + KernelLayout.TARGET_SEQUENCE, target.whole().sequence());
                firstPage += markPages(target, bounds);
            }
            control.setIntVolatile(KernelLayout.CONTROL_TARGETS, targets.size());
        }
    }

    private static void attach(BpfObject object, Path folder, String program, String tracepoint, String name)
            throws IOException {
        try (BpfHandle handle = object.openProgram(program)) {
            handle.pin(folder.resolve("program-" + name));
        }
        try (BpfHandle link = object.attach(program, tracepoint)) {
            link.pin(folder.resolve("link-" + name));
        }
    }

    private static CaptureRing open(PinFolder held, Path folder, List<EbpfTarget> targets, Bounds bounds,
            boolean fresh) throws IOException {
        List<AutoCloseable> opened = new ArrayList<>();
        try (BpfHandle ring = BpfHandle.open(folder.resolve("ring"));
                BpfHandle control = BpfHandle.open(folder.resolve("control"));
                BpfHandle marks = BpfHandle.open(folder.resolve("marks"));
                BpfHandle notes = BpfHandle.open(folder.resolve("notes"))) {
            int size = ring.maxEntries();
            SharedMemory consumer = keep(opened, ring.map(0, KernelLayout.RING_PAGE_BYTES, true));
            SharedMemory producer = keep(opened,
                    ring.map(KernelLayout.RING_PAGE_BYTES, KernelLayout.RING_PAGE_BYTES + 2L * size, false));
            SharedMemory head = keep(opened, control.map(0, KernelLayout.CONTROL_BYTES, true));
            SharedMemory lost = keep(opened,
                    marks.map(0, (long) marks.maxEntries() * KernelLayout.MARKS_PAGE_BYTES, true));
            SharedMemory own = keep(opened, notes.map(0, Notes.LENGTH_BYTES, true));
            BpfHandle queue = keep(opened, BpfHandle.open(folder.resolve("program-queue")));
            List<BpfHandle> links = new ArrayList<>();
            for (String each : ATTACHED) {
                links.add(keep(opened, BpfHandle.open(folder.resolve("link-" + each))));
            }
            var kept = new KernelRing.Kept(queue, links, held);
            return new KernelRing(new KernelRing.Parts(consumer, producer, head, lost, own, kept), targets, size,
                    bounds.settleNanos(), fresh);
        } catch (IOException | RuntimeException failed) {
            for (AutoCloseable each : opened) {
                close(each, failed);
            }
            throw failed;
        }
    }

    private static <T extends AutoCloseable> T keep(List<AutoCloseable> opened, T each) {
        opened.add(each);
        return each;
    }

    private static void close(AutoCloseable each, Exception because) {
        try {
            each.close();
        } catch (Exception also) {
            because.addSuppressed(also);
        }
    }

    /** Leaves all programs out but these. */
    static void keepOnly(BpfObject object, List<String> programs) throws IOException {
        for (String each : PROGRAMS) {
            if (!programs.contains(each)) {
                object.leaveOut(each);
            }
        }
    }

    /**
     * Ends a machine's capture and removes every trace of it.
     *
     * @return whether there was anything
     * @throws IOException
     *             in one clear line, where an agent runs, or where it cannot be removed
     */
    public static boolean detach(UUID machine) throws IOException {
        Path folder = folder(machine);
        try {
            Files.readAttributes(folder, BasicFileAttributes.class);
        } catch (NoSuchFileException nothing) {
            return false;
        } catch (AccessDeniedException unseen) {
            throw new IOException("only root sees and removes what is pinned under " + BpfHandle.PINS
                    + ": run as root", unseen);
        }
        PinFolder held = hold(machine);
        try {
            remove(folder);
        } finally {
            held.close();
        }
        return true;
    }

    private static void remove(Path folder) throws IOException {
        clear(folder);
        Files.deleteIfExists(folder);
        if (isEmpty(FOLDER)) {
            Files.deleteIfExists(FOLDER);
        }
    }

    /** Takes away what is pinned, whichever version did. */
    private static void clear(Path folder) throws IOException {
        List<Path> pins = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
            all.forEach(pins::add);
        }
        // Links first: nothing is captured from then on.
        pins.sort(Comparator.comparing((Path pin) -> !String.valueOf(pin.getFileName()).startsWith("link")));
        for (Path pin : pins) {
            if (Files.isDirectory(pin, LinkOption.NOFOLLOW_LINKS)) {
                clear(pin);
            }
            Files.deleteIfExists(pin);
        }
    }

    private static boolean isEmpty(Path directory) throws IOException {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(directory)) {
            return !all.iterator().hasNext();
        }
    }

    private static byte[] object() throws IOException {
        try (InputStream in = EbpfPins.class.getResourceAsStream(OBJECT)) {
            if (in == null) {
                throw new IOException(OBJECT + " is missing from this program");
            }
            return in.readAllBytes();
        }
    }
}

package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A file as a block device of this machine, with a file system on it if wanted, mounted and frozen as wanted. Needs root.
 * {@link #close} thaws, unmounts and detaches, from any thread and after any failure; the file stays.
 */
final class LoopDisk implements AutoCloseable {
    private static final int ATTEMPTS = 50;
    private static final long REST_MILLIS = 100;

    private final Path backing;
    private final Path device;
    private Path mountPoint = Path.of("");
    private boolean frozen;
    private boolean closed;

    private LoopDisk(Path backing, Path device) {
        this.backing = backing;
        this.device = device;
    }

    /** Why there can be no such disk here, in a clause; empty where there can. */
    static Optional<String> obstacle() throws IOException, InterruptedException {
        for (String tool : new String[]{"losetup", "mount", "umount", "fsfreeze"}) {
            if (Tool.find(tool).isEmpty()) {
                return Optional.of(tool + " is not installed (Debian: mount, util-linux)");
            }
        }
        Tool free = Tool.run("losetup", "-f");
        return free.exitCode() == 0
                ? Optional.empty()
                : Optional.of("loop devices cannot be had here (they need root): " + free.lastLine());
    }

    /** Makes an empty file of that size and attaches it. */
    static LoopDisk make(Path backing, long sizeBytes) throws IOException, InterruptedException {
        RawDevice.create(backing, sizeBytes).close();
        return attach(backing);
    }

    /** Attaches a file that exists. */
    static LoopDisk attach(Path backing) throws IOException, InterruptedException {
        Tool attached = Tool.run("losetup", "-f", "--show", backing.toString());
        if (attached.exitCode() != 0) {
            throw new IOException("losetup cannot attach " + backing + ": " + attached.lastLine());
        }
        return new LoopDisk(backing, Path.of(attached.output().strip()));
    }

    Path device() {
        return device;
    }

    Path backing() {
        return backing;
    }

    /** The kernel's name of the device. */
    String name() {
        return String.valueOf(device.getFileName());
    }

    Path mountPoint() {
        return mountPoint;
    }

    /** Makes an ext4, xfs or btrfs. */
    void format(String type) throws IOException, InterruptedException {
        switch (type) {
            case "ext4" ->
                must("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0",
                        device.toString());
            case "xfs" -> must("mkfs.xfs", "-q", "-f", device.toString());
            case "btrfs" -> must("mkfs.btrfs", "-q", "-f", device.toString());
            default -> throw new IllegalArgumentException(type);
        }
    }

    synchronized void mount(Path folder, String options) throws IOException, InterruptedException {
        if (closed) {
            throw Failure.failed("interrupted");
        }
        Files.createDirectories(folder);
        must("mount", "-o", options, device.toString(), folder.toString());
        mountPoint = folder;
    }

    synchronized boolean isMounted() {
        return !mountPoint.toString().isEmpty();
    }

    synchronized void unmount() throws IOException, InterruptedException {
        if (isMounted()) {
            must("umount", mountPoint.toString());
            mountPoint = Path.of("");
        }
    }

    /** Writes out everything and lets nobody write until {@link #thaw}. */
    synchronized void freeze() throws IOException, InterruptedException {
        if (!frozen && isMounted()) {
            must("fsfreeze", "--freeze", mountPoint.toString());
            frozen = true;
        }
    }

    synchronized void thaw() throws IOException, InterruptedException {
        if (frozen) {
            frozen = false;
            must("fsfreeze", "--unfreeze", mountPoint.toString());
        }
    }

    /** Copies what is on the device; to be called while nobody writes. */
    void copyTo(Path copy) throws IOException {
        try (BlockDevice now = RawDevice.open(backing, true)) {
            DiskCopy.copy(now, copy, (done, total) -> {});
        }
    }

    /** What the kernel has counted of the device, as {@code Documentation/block/stat.rst} names it. */
    Written written() throws IOException {
        String[] fields = Files.readString(Path.of("/sys/class/block", name(), "stat")).strip().split("\\s+", -1);
        long discards = fields.length > 11 ? Long.parseLong(fields[11]) : 0;
        return new Written(Long.parseLong(fields[4]), Long.parseLong(fields[6]) * 512, discards);
    }

    /** Requests that changed the device, counted since the kernel first had one of its name. */
    record Written(long writes, long writtenBytes, long discards) {}

    static void must(String program, String... arguments) throws IOException, InterruptedException {
        Tool done = Tool.run(program, arguments);
        if (done.exitCode() != 0) {
            throw new IOException(program + " " + String.join(" ", arguments) + ": " + done.lastLine());
        }
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        boolean wasInterrupted = Thread.interrupted();
        try {
            thaw();
        } catch (IOException | InterruptedException stays) {
            System.err.println("backhaul: " + Explanation.line(stays));
        }
        // Programs that are just ending may hold it for a moment.
        String held = letGo(false);
        for (int attempt = 1; attempt < ATTEMPTS && !held.isEmpty(); attempt++) {
            rest();
            held = letGo(attempt == ATTEMPTS - 1);
        }
        if (!held.isEmpty()) {
            System.err.println("backhaul: " + held);
        }
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void rest() {
        try {
            if (new CountDownLatch(1).await(REST_MILLIS, TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException("nobody counts down");
            }
        } catch (InterruptedException hurry) {
            Thread.currentThread().interrupt();
        }
    }

    /** Unmounts and detaches; says what stands in the way, or nothing. */
    private String letGo(boolean lazily) {
        try {
            if (lazily && isMounted()) {
                must("umount", "-l", mountPoint.toString());
                mountPoint = Path.of("");
            }
            unmount();
            must("losetup", "-d", device.toString());
            return "";
        } catch (IOException | InterruptedException held) {
            return Explanation.line(held);
        }
    }
}

package io.backhaul.source.ebpf;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.backhaul.blockio.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** A block device that is a file: a loop device, and what is mounted on it. Cleans up behind itself. */
public final class LoopDisk {
    private final Path backing;
    private final String device;
    private final List<Path> mounts = new ArrayList<>();

    private LoopDisk(Path backing, String device) {
        this.backing = backing;
        this.device = device;
    }

    /** Says why where there are no rights for what follows. */
    public static void needRoot() throws IOException {
        assumeTrue(Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0),
                "not run: loop devices and eBPF need root");
        assumeTrue(Files.isReadable(Path.of("/sys/kernel/btf/vmlinux")),
                "not run: this kernel does not describe its types (BTF)");
    }

    /** A disk of zeroes, whose file lies in the folder. */
    public static LoopDisk make(Path folder, long sizeBytes) throws Exception {
        return make(folder, sizeBytes, List.of());
    }

    /** The same, with options for losetup. */
    public static LoopDisk make(Path folder, long sizeBytes, List<String> options) throws Exception {
        Path backing = Files.createTempFile(folder, "disk", ".img");
        try (RandomAccessFile file = new RandomAccessFile(backing.toFile(), "rw")) {
            file.setLength(sizeBytes);
        }
        return attach(backing, options);
    }

    static LoopDisk attach(Path backing, List<String> options) throws Exception {
        Tool.need("losetup");
        List<String> command = new ArrayList<>(List.of("losetup", "-f", "--show"));
        command.addAll(options);
        command.add(backing.toString());
        return new LoopDisk(backing, Tool.run(command.toArray(String[]::new)).strip());
    }

    /** The device. */
    public Path path() {
        return Path.of(device);
    }

    Path backing() {
        return backing;
    }

    /** Tells the kernel of a partition; the disk was made with {@code -P}. */
    public Path partition(int number, long firstSector, long sectors) throws Exception {
        Tool.run("addpart", device, String.valueOf(number), String.valueOf(firstSector), String.valueOf(sectors));
        return Path.of(device + "p" + number);
    }

    /** Mounts it, or a partition of it, until it is removed. */
    public Path mount(Path device, Path at) throws Exception {
        Files.createDirectories(at);
        Tool.run("mount", device.toString(), at.toString());
        mounts.add(at);
        return at;
    }

    void unmount(Path at) throws Exception {
        Tool.run("umount", at.toString());
        mounts.remove(at);
    }

    /** Unmounts and detaches it, and deletes its file. */
    public void remove() throws Exception {
        for (Path at : List.copyOf(mounts).reversed()) {
            Tool.attempt("umount", at.toString());
        }
        Tool.attempt("losetup", "-d", device);
        Files.deleteIfExists(backing);
    }

    /** Where there is memory to keep files in; disks there are fast. */
    public static Path memory() throws IOException {
        return Stream.of(Path.of("/dev/shm"), Path.of(Objects.requireNonNull(System.getProperty("java.io.tmpdir"))))
                .filter(Files::isDirectory).findFirst().orElseThrow();
    }
}

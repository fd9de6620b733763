package io.backhaul.blockio.system;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The block devices of a machine and how they stand upon each other, at the moment of {@link #read}. Reading takes some
 * milliseconds and opens no device.
 */
public final class BlockDevices {
    /** How many layers of files on devices on files are followed: each is a file system of its own. */
    private static final int MAX_LAYERS = 16;
    /** The unit of sizes in sysfs, whatever the sector size. */
    static final int UNIT_BYTES = 512;

    private final Path root;
    private final Map<String, SystemDevice> devices;
    private final MountTable mounts;

    private BlockDevices(Path root, Map<String, SystemDevice> devices, MountTable mounts) {
        this.root = root;
        this.devices = devices;
        this.mounts = mounts;
    }

    /** Looks at this machine. */
    public static BlockDevices read() throws IOException {
        return read(Path.of("/"));
    }

    /** Looks at the machine whose {@code sys} and {@code proc} lie below {@code root}. */
    static BlockDevices read(Path root) throws IOException {
        MountTable mounts = MountTable.read(root);
        Map<String, SystemDevice> devices = new LinkedHashMap<>();
        Path folder = root.resolve("sys/class/block");
        if (Files.isDirectory(folder)) {
            try (Stream<Path> entries = Files.list(folder)) {
                for (Path entry : entries.sorted().toList()) {
                    SysfsDevice.read(root, entry, mounts).ifPresent(device -> devices.put(device.name(), device));
                }
            }
        }
        return new BlockDevices(root, devices, mounts);
    }

    /** All that have a size: disks and what is made of them, by name. */
    public List<SystemDevice> devices() {
        return devices.values().stream().filter(device -> device.geometry().sizeBytes() > 0).toList();
    }

    /** The one of that name. */
    public Optional<SystemDevice> named(String name) {
        return Optional.ofNullable(devices.get(name));
    }

    /**
     * The device that a path names, links followed.
     *
     * @throws IOException
     *             in one line, where nothing or no block device is there
     */
    public SystemDevice at(Path path) throws IOException {
        if (!Files.exists(path)) {
            throw new NoSuchFileException(path.toString(), null,
                    "there is no such device; backhaul source check lists them");
        }
        long rdev = ((Number) Files.getAttribute(path, "unix:rdev")).longValue();
        int mode = (int) Files.getAttribute(path, "unix:mode");
        if ((mode & 0xF000) != 0x6000) {
            throw new FileSystemException(path.toString(), null,
                    "is no block device; backhaul source check lists those there are");
        }
        SystemDevice.DeviceNumber number = SystemDevice.DeviceNumber.ofStat(rdev);
        return numbered(number).orElseThrow(() -> new FileSystemException(path.toString(), null,
                "the kernel knows no device " + number + "; attach it again"));
    }

    private Optional<SystemDevice> numbered(SystemDevice.DeviceNumber number) {
        return devices.values().stream().filter(device -> device.number().equals(number)).findFirst();
    }

    /**
     * The device and everything that it stands upon: the disk of a partition, the parts of a mapped device or RAID, and where
     * the file behind a loop device lies.
     */
    public List<SystemDevice> beneath(SystemDevice device) {
        Map<String, SystemDevice> found = new LinkedHashMap<>();
        Deque<SystemDevice> open = new ArrayDeque<>(List.of(device));
        for (int steps = 0; !open.isEmpty() && steps < devices.size() * MAX_LAYERS; steps++) {
            SystemDevice next = open.removeFirst();
            if (found.putIfAbsent(next.name(), next) == null) {
                named(next.stack().disk()).ifPresent(open::add);
                next.stack().slaves().forEach(slave -> named(slave).ifPresent(open::add));
                if (!next.stack().backingFile().isEmpty()) {
                    open.addAll(carrying(Path.of(next.stack().backingFile())));
                }
            }
        }
        return List.copyOf(found.values());
    }

    /**
     * Every device, however far down, that is written to when the file is. The file need not exist yet. Empty for files in
     * memory or on another machine.
     */
    public List<SystemDevice> holding(Path file) throws IOException {
        Map<String, SystemDevice> found = new LinkedHashMap<>();
        for (SystemDevice device : carrying(real(file))) {
            beneath(device).forEach(each -> found.put(each.name(), each));
        }
        return List.copyOf(found.values());
    }

    /** The devices of the file system that a path without links lies in. */
    private List<SystemDevice> carrying(Path path) {
        List<SystemDevice> found = new ArrayList<>();
        Path next = path;
        for (int layers = 0; layers < MAX_LAYERS; layers++) {
            Optional<MountTable.Mount> mount = mounts.holding(next);
            if (mount.isEmpty()) {
                return found;
            }
            Optional<Path> upper = mount.get().upperFolder();
            if (upper.isEmpty()) {
                found.addAll(carrying(mount.get()));
                return found;
            }
            next = upper.get();
        }
        return found;
    }

    private List<SystemDevice> carrying(MountTable.Mount mount) {
        Optional<SystemDevice> direct = numbered(mount.number());
        if (direct.isPresent()) {
            return List.of(direct.get());
        }
        if (!mount.source().startsWith("/dev/")) {
            return List.of();
        }
        // btrfs shows a number of its own, and the name of one of its devices.
        Optional<SystemDevice> source = nodeName(mount.source()).flatMap(this::named);
        return source.map(this::together).orElse(List.of());
    }

    private Optional<String> nodeName(String path) {
        String direct = path.substring("/dev/".length()).replace('/', '!');
        if (devices.containsKey(direct)) {
            return Optional.of(direct);
        }
        try {
            return Optional.of(String.valueOf(root.resolve(path.substring(1)).toRealPath().getFileName()));
        } catch (IOException gone) {
            return Optional.empty();
        }
    }

    /** The devices that share a btrfs file system with this one. */
    private List<SystemDevice> together(SystemDevice device) {
        Path folder = root.resolve("sys/fs/btrfs");
        if (Files.isDirectory(folder)) {
            try (Stream<Path> systems = Files.list(folder)) {
                for (Path members : systems.map(each -> each.resolve("devices")).filter(Files::isDirectory).toList()) {
                    List<String> names = SysfsDevice.names(members);
                    if (names.contains(device.name())) {
                        return names.stream().map(this::named).flatMap(Optional::stream).toList();
                    }
                }
            } catch (IOException unreadable) {
                return List.of(device);
            }
        }
        return List.of(device);
    }

    /** The path without links, also where its end does not exist yet. */
    private static Path real(Path file) throws IOException {
        Path absolute = file.toAbsolutePath().normalize();
        Path there = absolute;
        while (there.getParent() != null && !Files.exists(there)) {
            there = there.getParent();
        }
        return there.toRealPath().resolve(there.relativize(absolute));
    }

    /**
     * A quick look at one block device: cheap enough to be repeated.
     *
     * @param sizeBytes
     *            0 where the device has gone, or has no medium
     * @param sequence
     *            changes whenever the disk is detached and attached; 0 where the kernel does not count (before 5.15)
     */
    public record Sighting(long sizeBytes, long sequence) {
        /** No such device. */
        public static final Sighting GONE = new Sighting(0, 0);

        /** Whether the device is there. */
        public boolean isThere() {
            return sizeBytes > 0;
        }

        /**
         * Looks at the device of this number.
         *
         * @throws IOException
         *             where it goes in this very moment
         */
        public static Sighting of(SystemDevice.DeviceNumber number) throws IOException {
            return of(Path.of("/"), number);
        }

        static Sighting of(Path root, SystemDevice.DeviceNumber number) throws IOException {
            Path folder = root.resolve("sys/dev/block").resolve(number.toString());
            if (!Files.exists(folder.resolve("size"))) {
                return GONE;
            }
            Path real = folder.toRealPath();
            boolean isPart = Files.exists(real.resolve("partition"));
            Path counter = isPart ? real.resolveSibling("diskseq") : real.resolve("diskseq");
            long sequence = Files.exists(counter) ? Long.parseLong(Files.readString(counter).strip()) : 0;
            return new Sighting(Long.parseLong(Files.readString(real.resolve("size")).strip()) * UNIT_BYTES, sequence);
        }
    }

    /**
     * Returns true as soon as each of these disks has had no write under way for a moment, so that what began before the call
     * has ended; false where that does not happen in time. Never on a loop.
     *
     * @param disks
     *            names of whole disks
     */
    public static boolean awaitQuiet(List<String> disks, long limitNanos) throws IOException {
        return DiskQuiet.await(disks, limitNanos);
    }

    /**
     * A number that is another one once the file or block device has been written to; 0 where that cannot be told. Nobody
     * here has it open for writing.
     *
     * @throws IOException
     *             where it is gone, or in use
     */
    public static long seal(Path path) throws IOException {
        return DiskSeal.of(path);
    }
}

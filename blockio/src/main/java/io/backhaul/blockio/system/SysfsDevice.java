package io.backhaul.blockio.system;

import io.backhaul.blockio.system.SystemDevice.Geometry;
import io.backhaul.blockio.system.SystemDevice.Identity;
import io.backhaul.blockio.system.SystemDevice.Kind;
import io.backhaul.blockio.system.SystemDevice.Stack;
import io.backhaul.blockio.system.SystemDevice.Zeroing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * One folder below {@code /sys/class/block}, read. What is missing there, in older kernels or because the device is just going
 * away, is as if the device did not have it.
 */
final class SysfsDevice {
    private static final String DELETED = " (deleted)";

    private final Path root;
    private final Path folder;
    private final String name;

    private SysfsDevice(Path root, Path folder, String name) {
        this.root = root;
        this.folder = folder;
        this.name = name;
    }

    static Optional<SystemDevice> read(Path root, Path entry, MountTable mounts) {
        try {
            var device = new SysfsDevice(root, entry.toRealPath(), String.valueOf(entry.getFileName()));
            return device.text("dev").isEmpty() ? Optional.empty() : Optional.of(device.facts(mounts));
        } catch (IOException gone) {
            return Optional.empty();
        }
    }

    private SystemDevice facts(MountTable mounts) {
        var number = SystemDevice.DeviceNumber.parse(text("dev"));
        Kind kind = kind();
        boolean isPart = kind == Kind.PARTITION;
        Path whole = isPart ? folder.resolveSibling(".").normalize() : folder;
        Path queue = whole.resolve("queue");
        int logical = (int) count(queue.resolve("logical_block_size"), BlockDevices.UNIT_BYTES);
        var geometry = new Geometry(count(folder.resolve("size"), 0) * BlockDevices.UNIT_BYTES, logical,
                (int) count(queue.resolve("physical_block_size"), logical), count(folder.resolve("ro"), 0) == 1);
        String disk = isPart ? String.valueOf(whole.getFileName()) : "";
        var stack = new Stack(disk, names(folder.resolve("slaves")), names(folder.resolve("holders")), partitions(),
                backingFile());
        long discard = count(queue.resolve("discard_max_bytes"), 0);
        // A loop device punches a hole into its file, or takes no discards at all.
        boolean zeroes = discard > 0
                && (kind == Kind.LOOP || count(queue.resolve("discard_zeroes_data"), 0) == 1);
        var zeroing = new Zeroing(discard, zeroes, count(queue.resolve("write_zeroes_max_bytes"), 0));
        return new SystemDevice(name, number, kind, geometry, identity(whole, isPart), stack, zeroing,
                mounts.useOf(name, number), count(whole.resolve("diskseq"), 0));
    }

    private Kind kind() {
        if (Files.exists(folder.resolve("partition"))) {
            return Kind.PARTITION;
        }
        if (Files.isDirectory(folder.resolve("dm"))) {
            return Kind.MAPPED;
        }
        if (Files.isDirectory(folder.resolve("md"))) {
            return Kind.RAID;
        }
        if (name.startsWith("loop")) {
            return Kind.LOOP;
        }
        return name.startsWith("zram") || name.startsWith("ram") ? Kind.MEMORY : Kind.DISK;
    }

    private Identity identity(Path whole, boolean isPart) {
        if (isPart) {
            Identity ofDisk = identity(whole, false);
            String number = text("partition");
            return ofDisk.stableId().isEmpty()
                    ? ofDisk
                    : new Identity(ofDisk.stableId() + "-part" + number, ofDisk.origin());
        }
        for (String[] place : new String[][]{{"wwid", "wwid"}, {"device/wwid", "wwid"}, {"serial", "serial"},
            {"device/serial", "serial"}, {"dm/uuid", "mapping"}, {"md/uuid", "array"}}) {
            String found = line(whole.resolve(place[0]));
            if (!found.isEmpty()) {
                return new Identity(found, place[1]);
            }
        }
        String file = line(whole.resolve("loop/backing_file"));
        return file.isEmpty() ? linked(String.valueOf(whole.getFileName())) : new Identity(file, "file");
    }

    /** What udev has made a link of. */
    private Identity linked(String disk) {
        Path links = root.resolve("dev/disk/by-id");
        for (String link : names(links)) {
            if (leadsTo(links.resolve(link), disk)) {
                return new Identity(link, "by-id");
            }
        }
        return new Identity("", "");
    }

    private static boolean leadsTo(Path link, String disk) {
        try {
            return link.toRealPath().endsWith(disk);
        } catch (IOException dangling) {
            return false;
        }
    }

    private List<String> partitions() {
        return names(folder).stream().filter(child -> Files.exists(folder.resolve(child).resolve("partition")))
                .toList();
    }

    private String backingFile() {
        String file = text("loop/backing_file");
        return file.endsWith(DELETED) ? file.substring(0, file.length() - DELETED.length()) : file;
    }

    private String text(String file) {
        return line(folder.resolve(file));
    }

    private static long count(Path file, long otherwise) {
        try {
            String text = line(file);
            return text.isEmpty() ? otherwise : Long.parseUnsignedLong(text);
        } catch (NumberFormatException odd) {
            return otherwise;
        }
    }

    private static String line(Path file) {
        try {
            return Files.isRegularFile(file) ? Files.readString(file).strip() : "";
        } catch (IOException withheld) {
            return "";
        }
    }

    /** The names in a folder, sorted; none where there is no such folder. */
    static List<String> names(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> String.valueOf(entry.getFileName())).sorted().toList();
        } catch (IOException gone) {
            return List.of();
        }
    }
}

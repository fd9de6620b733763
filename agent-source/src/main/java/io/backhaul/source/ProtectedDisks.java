package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.engine.config.Settings;
import io.backhaul.protocol.DiskInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Opens the disks that the configuration names. */
final class ProtectedDisks {
    private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

    private ProtectedDisks() {}

    /** What tells one run of the system from the next. */
    static UUID bootId() throws IOException {
        return UUID.fromString(Files.readString(BOOT_ID).trim());
    }

    static List<SourceDisk> open(List<Settings> configured, SourceSettings.CaptureKind kind, UUID bootId)
            throws IOException {
        List<SourceDisk> disks = new ArrayList<>();
        try {
            for (Settings each : configured) {
                Path path = each.get(SourceSettings.DISK_PATH);
                BlockDevice device = switch (kind) {
                    case NBD, AUTO -> Disks.open(path, false);
                    case SCAN -> Disks.open(path, true);
                    // Past the page cache: mounted file systems write without it.
                    case EBPF -> RawDevice.openDirect(path);
                };
                disks.add(disk(new Named(disks.size(), path, SourceSettings.id(each)), device, bootId));
            }
            return disks;
        } catch (IOException failed) {
            close(disks);
            throw failed;
        }
    }

    private record Named(int index, Path path, String id) {}

    private static SourceDisk disk(Named named, BlockDevice device, UUID bootId) throws IOException {
        if (device.sizeBytes() % device.sectorSizeBytes() != 0) {
            device.close();
            throw new IOException(named.path + " has " + device.sizeBytes() + " bytes, which is no multiple of "
                    + device.sectorSizeBytes() + ": extend it to whole sectors");
        }
        var info = new DiskInfo(named.index, named.id, device.sizeBytes(), device.sectorSizeBytes());
        return new SourceDisk(info, named.path.toString(), device, () -> fingerprint(named.path, bootId));
    }

    static void close(List<SourceDisk> disks) throws IOException {
        for (SourceDisk disk : disks) {
            disk.device().close();
        }
    }

    /**
     * Files change their time when they are written to. A block device has a counter of writes instead, which begins anew
     * with each boot.
     */
    private static String fingerprint(Path path, UUID bootId) throws IOException {
        if (RawDevice.isBlockDevice(path)) {
            Path statistics = Path.of("/sys/class/block", String.valueOf(path.toRealPath().getFileName()), "stat");
            if (!Files.isReadable(statistics)) {
                return "";
            }
            String[] fields = Files.readString(statistics).trim().split("\\s+", -1);
            return fields.length < 7 ? "" : "writes " + fields[4] + ", sectors " + fields[6] + ", boot " + bootId;
        }
        Map<String, Object> about = Files.readAttributes(path, "unix:ino,size,lastModifiedTime");
        return "inode " + about.get("ino") + ", size " + about.get("size") + ", modified "
                + about.get("lastModifiedTime");
    }
}

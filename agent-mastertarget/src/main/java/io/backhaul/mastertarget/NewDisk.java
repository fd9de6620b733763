package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.file.RawDevice.Preallocation;
import io.backhaul.blockio.vmdk.FlatVmdk;
import io.backhaul.mastertarget.BaseDisks.UnfitDiskException;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** A disk that is to be made, or is there already and is to be taken. Blocks. */
record NewDisk(DiskInfo disk, DiskFormat format, Path path, Preallocation preallocation) {
    PlacedDisk placed() {
        return new PlacedDisk(disk, format, path.toString());
    }

    /** The file that its bytes are in. */
    static Path data(PlacedDisk placed) throws IOException {
        Path path = Path.of(placed.path());
        if (placed.format() != DiskFormat.VMDK) {
            return path;
        }
        try (FlatVmdk disk = FlatVmdk.open(path, true)) {
            return disk.flatFile();
        }
    }

    boolean exists() throws IOException {
        return Files.exists(path) && !isLeftBehind();
    }

    /** A crash may have left a file that has no length yet. */
    private boolean isLeftBehind() throws IOException {
        return format == DiskFormat.RAW && Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)
                && Files.size(path) == 0;
    }

    /** How much room it will take at once. */
    long neededBytes() throws IOException {
        if (preallocation == Preallocation.THIN || format == DiskFormat.DEVICE) {
            return 0;
        }
        return exists() ? disk.sizeBytes() - RawDevice.allocatedBytes(data(placed())) : disk.sizeBytes();
    }

    /** Takes what is there only where it fits. */
    void refuseUnfit() throws IOException {
        if (!exists()) {
            if (format == DiskFormat.DEVICE) {
                throw new UnfitDiskException(FaultCode.DISK_MISMATCH, "there is no device " + path + " for disk "
                        + disk.index() + "; attach it, or name another one in the configuration");
            }
            return;
        }
        try (BlockDevice device = Disks.open(path, true)) {
            boolean exact = format != DiskFormat.DEVICE;
            if (device.sizeBytes() < disk.sizeBytes() || (exact && device.sizeBytes() != disk.sizeBytes())) {
                throw new UnfitDiskException(FaultCode.DISK_MISMATCH,
                        path + " has " + device.sizeBytes() + " bytes, disk " + disk.index() + " of the machine has "
                                + disk.sizeBytes() + "; name one that fits in the configuration");
            }
        }
    }

    /** Makes it; where that fails there is nothing of it. */
    void make() throws IOException {
        Path parent = path.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        switch (format) {
            case VMDK -> FlatVmdk.create(path, disk.sizeBytes(), preallocation).close();
            case RAW -> {
                if (isLeftBehind()) {
                    Files.delete(path);
                }
                RawDevice.create(path, disk.sizeBytes(), preallocation).close();
            }
            case DEVICE -> throw new IllegalStateException("no device is made: " + path);
        }
    }

    /** Sees that one which is there has its room. */
    void reserve() throws IOException {
        if (preallocation == Preallocation.THIN || format == DiskFormat.DEVICE) {
            return;
        }
        if (format == DiskFormat.VMDK) {
            try (FlatVmdk vmdk = FlatVmdk.open(path, false)) {
                vmdk.reserve();
            }
        } else {
            try (RawDevice raw = RawDevice.open(path, false)) {
                raw.reserve();
            }
        }
    }

    /** Takes back what {@link #make} has made. */
    void remove() throws IOException {
        Path data = data(placed());
        Files.deleteIfExists(path);
        Files.deleteIfExists(data);
    }
}

package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.blockio.vmdk.FlatVmdk;
import io.backhaul.engine.config.Settings;
import io.backhaul.protocol.DiskInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;

/**
 * The base disks of a daemon: flat VMDKs in a folder for each machine, or what the configuration names for a disk. A file
 * {@code owner} in each folder says whose it is, so that no two machines of one name share disks.
 */
final class Datastore implements BaseDisks {
    private static final String OWNER = "owner";
    private static final int MAX_NAME_LENGTH = 60;

    private final Settings settings;
    private final Path folder;

    Datastore(Settings settings) throws IOException {
        this.settings = settings;
        this.folder = settings.get(MasterTargetSettings.DATASTORE);
        Files.createDirectories(folder);
    }

    @Override
    public PlacedDisk prepare(UUID machine, String machineName, DiskInfo disk) throws IOException {
        Optional<Settings> configured = MasterTargetSettings.machine(settings, machine);
        Optional<Settings> own = configured.flatMap(each -> each.get(MasterTargetSettings.MACHINE_DISKS).stream()
                .filter(one -> one.get(MasterTargetSettings.DISK_INDEX) == disk.index()).findFirst());
        if (own.isEmpty()) {
            String name = configured.flatMap(each -> each.find(MasterTargetSettings.MACHINE_NAME)).orElse(machineName);
            Path path = folder(machine, name).resolve("disk-" + disk.index() + ".vmdk");
            return placed(disk, DiskFormat.VMDK, path);
        }
        Path path = own.get().get(MasterTargetSettings.DISK_PATH);
        return placed(disk, own.get().find(MasterTargetSettings.DISK_FORMAT).orElse(format(path)), path);
    }

    private static DiskFormat format(Path path) throws IOException {
        if (Files.exists(path) && RawDevice.isBlockDevice(path)) {
            return DiskFormat.DEVICE;
        }
        return path.toString().toLowerCase(Locale.ROOT).endsWith(".vmdk") ? DiskFormat.VMDK : DiskFormat.RAW;
    }

    private static PlacedDisk placed(DiskInfo disk, DiskFormat format, Path path) throws IOException {
        PlacedDisk placed = new PlacedDisk(disk, format, path.toString());
        if (Files.exists(path)) {
            refuseUnfit(disk, path, format);
            return placed;
        }
        Path parent = path.toAbsolutePath().getParent();
        if (parent != null && format != DiskFormat.DEVICE) {
            Files.createDirectories(parent);
        }
        switch (format) {
            case VMDK -> FlatVmdk.create(path, disk.sizeBytes()).close();
            case RAW -> RawDevice.create(path, disk.sizeBytes()).close();
            case DEVICE -> throw new UnfitDiskException("there is no device " + path + " for disk " + disk.index()
                    + "; attach it, or name another one in the configuration");
        }
        return placed;
    }

    private static void refuseUnfit(DiskInfo disk, Path path, DiskFormat format) throws IOException {
        try (BlockDevice device = Disks.open(path, true)) {
            boolean exact = format != DiskFormat.DEVICE;
            if (device.sizeBytes() < disk.sizeBytes() || (exact && device.sizeBytes() != disk.sizeBytes())) {
                throw new UnfitDiskException(path + " has " + device.sizeBytes() + " bytes, disk " + disk.index()
                        + " of the machine has " + disk.sizeBytes() + "; name one that fits in the configuration");
            }
        }
    }

    @Override
    public BlockDevice reread(PlacedDisk disk) throws IOException {
        Path bytes = bytes(disk);
        try {
            return RawDevice.openDirect(bytes);
        } catch (IOException unable) {
            // Not every file system can be read past the cache.
            return RawDevice.open(bytes, true);
        }
    }

    @Override
    public long seal(PlacedDisk disk) throws IOException {
        return BlockDevices.seal(bytes(disk));
    }

    /** The file or device that holds the disk's bytes. */
    private static Path bytes(PlacedDisk disk) throws IOException {
        Path path = Path.of(disk.path());
        if (disk.format() != DiskFormat.VMDK) {
            return path;
        }
        try (FlatVmdk vmdk = FlatVmdk.open(path, true)) {
            return vmdk.flatFile();
        }
    }

    private Path folder(UUID machine, String machineName) throws IOException {
        String safe = machineName.replaceAll("[^A-Za-z0-9._-]", "_").replaceFirst("^[.]+", "");
        String name = safe.isEmpty() ? machine.toString()
                : safe.substring(0, Math.min(MAX_NAME_LENGTH, safe.length()));
        Path wanted = folder.resolve(name);
        return claim(wanted, machine) ? wanted : claimed(folder.resolve(name + "-" + machine), machine);
    }

    private static Path claimed(Path wanted, UUID machine) throws IOException {
        if (!claim(wanted, machine)) {
            throw new IOException(wanted + " belongs to another machine; move it away");
        }
        return wanted;
    }

    private static boolean claim(Path wanted, UUID machine) throws IOException {
        Files.createDirectories(wanted);
        Path owner = wanted.resolve(OWNER);
        try {
            Files.writeString(owner, machine + "\n", StandardCharsets.UTF_8,
                    java.nio.file.StandardOpenOption.CREATE_NEW,
                    java.nio.file.StandardOpenOption.WRITE);
            return true;
        } catch (FileAlreadyExistsException present) {
            String text = Files.readString(owner, StandardCharsets.UTF_8).strip();
            return text.isEmpty() || text.equals(machine.toString());
        }
    }

    @Override
    public BlockDevice open(PlacedDisk disk) throws IOException {
        Path path = Path.of(disk.path());
        return switch (disk.format()) {
            case VMDK -> FlatVmdk.open(path, false);
            case RAW, DEVICE -> RawDevice.open(path, false);
        };
    }
}

package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.file.RawDevice.Preallocation;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.blockio.vmdk.FlatVmdk;
import io.backhaul.engine.config.Settings;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The base disks of a daemon: made in its datastores, or what the configuration names for a disk. A machine's disks are all
 * made, or none. Where a disk lies is remembered by its machine; what is known here is only which ones there are, so as to
 * tell how much room is promised. Safe for any thread.
 */
final class Datastores implements BaseDisks {
    private static final Logger LOG = LoggerFactory.getLogger(Datastores.class);

    private final Settings settings;
    private final List<Datastore> all;
    private final Map<String, Known> disks = new ConcurrentHashMap<>();

    /** A disk, and the file that its bytes are in. */
    private record Known(PlacedDisk placed, Path data) {}

    Datastores(Settings settings, List<Datastore> all) {
        this.settings = settings;
        this.all = all;
    }

    List<Datastore> all() {
        return all;
    }

    /** The one that a disk lies in; empty for a disk that the configuration names. */
    Optional<Datastore> of(PlacedDisk disk) {
        Path path = Path.of(disk.path());
        return all.stream().filter(each -> each.contains(path)).findFirst();
    }

    @Override
    public synchronized List<PlacedDisk> prepare(UUID machine, String machineName, List<DiskInfo> wanted)
            throws IOException {
        Optional<Settings> configured = MasterTargetSettings.machine(settings, machine);
        String name = configured.flatMap(each -> each.find(MasterTargetSettings.MACHINE_NAME)).orElse(machineName);
        List<NewDisk> planned = new ArrayList<>();
        List<DiskInfo> unnamed = new ArrayList<>();
        for (DiskInfo disk : wanted) {
            Optional<Settings> own = configured
                    .flatMap(each -> each.get(MasterTargetSettings.MACHINE_DISKS).stream()
                            .filter(one -> one.get(MasterTargetSettings.DISK_INDEX) == disk.index()).findFirst());
            if (own.isPresent()) {
                planned.add(named(disk, own.get()));
            } else {
                unnamed.add(disk);
            }
        }
        if (!unnamed.isEmpty()) {
            Datastore datastore = choose(machine, name,
                    configured.flatMap(each -> each.find(StorageSettings.MACHINE_DATASTORE)).orElse(""));
            Path folder = datastore.folderOf(machine, name);
            List<NewDisk> here = unnamed.stream().map(disk -> datastore.disk(disk, folder)).toList();
            refuseTooLarge(datastore, here);
            planned.addAll(here);
        }
        make(planned);
        List<PlacedDisk> placed = wanted.stream().map(disk -> planned.stream()
                .filter(each -> each.disk().equals(disk)).findFirst().orElseThrow().placed()).toList();
        placed.forEach(this::know);
        return placed;
    }

    private static NewDisk named(DiskInfo disk, Settings own) throws IOException {
        Path path = own.get(MasterTargetSettings.DISK_PATH);
        DiskFormat format = own.find(MasterTargetSettings.DISK_FORMAT).orElse(format(path));
        return new NewDisk(disk, format, path, Preallocation.THIN);
    }

    private static DiskFormat format(Path path) throws IOException {
        if (Files.exists(path) && RawDevice.isBlockDevice(path)) {
            return DiskFormat.DEVICE;
        }
        return path.toString().toLowerCase(Locale.ROOT).endsWith(".vmdk") ? DiskFormat.VMDK : DiskFormat.RAW;
    }

    /** The one that is assigned; else where it has been before; else the one with the most room. */
    private Datastore choose(UUID machine, String machineName, String assigned) throws IOException {
        List<Datastore> known = new ArrayList<>();
        for (Datastore each : all) {
            if (each.name().equals(assigned)) {
                return each;
            }
            if (each.knows(machine, machineName)) {
                known.add(each);
            }
        }
        if (known.size() > 1) {
            throw new IOException("machine " + machine + " has folders in two datastores, " + known.getFirst().name()
                    + " and " + known.get(1).name() + "; assign it to one of them, or move the other folder away");
        }
        return known.isEmpty() ? roomiest() : known.getFirst();
    }

    private Datastore roomiest() throws IOException {
        Datastore best = all.getFirst();
        if (all.size() > 1) {
            long most = Long.MIN_VALUE;
            for (Datastore each : all) {
                long room = Room.of(each.folder()).freeBytes() - held(each).promisedBytes();
                best = room > most ? each : best;
                most = Math.max(most, room);
            }
        }
        return best;
    }

    private static void refuseTooLarge(Datastore datastore, List<NewDisk> wanted) throws IOException {
        long needed = 0;
        for (NewDisk each : wanted) {
            needed += each.neededBytes();
        }
        long free = Room.of(datastore.folder()).freeBytes();
        if (needed > free) {
            throw new UnfitDiskException(FaultCode.NO_ROOM,
                    "the machine's disks need " + Room.shown(needed) + " in " + datastore.described() + " ("
                            + datastore.folder() + "), which has " + Room.shown(free) + " left");
        }
    }

    private static void make(List<NewDisk> planned) throws IOException {
        for (NewDisk each : planned) {
            each.refuseUnfit();
        }
        List<NewDisk> made = new ArrayList<>();
        try {
            for (NewDisk each : planned) {
                if (each.exists()) {
                    each.reserve();
                } else {
                    each.make();
                    made.add(each);
                }
            }
        } catch (IOException failed) {
            for (NewDisk each : made) {
                takeBack(each);
            }
            throw failed instanceof DeviceFullException
                    ? new UnfitDiskException(FaultCode.NO_ROOM, String.valueOf(failed.getMessage()))
                    : failed;
        }
    }

    private static void takeBack(NewDisk disk) {
        try {
            disk.remove();
        } catch (IOException failed) {
            LOG.warn("{} was made for a machine whose other disks could not be, and cannot be removed: {}",
                    disk.path(), failed.getMessage());
        }
    }

    /** Counts a disk in what is promised. */
    void know(PlacedDisk placed) {
        if (placed.format() == DiskFormat.DEVICE || disks.containsKey(placed.path())) {
            return;
        }
        try {
            disks.put(placed.path(), new Known(placed, NewDisk.data(placed)));
        } catch (IOException unreadable) {
            LOG.debug("{} is not counted: {}", placed.path(), unreadable.getMessage());
        }
    }

    /** What the disks in a datastore take, and may still take. Blocks. */
    Held held(Datastore datastore) throws IOException {
        long used = 0;
        long promised = 0;
        for (Known each : disks.values()) {
            if (datastore.contains(Path.of(each.placed.path())) && Files.exists(each.data)) {
                long allocated = RawDevice.allocatedBytes(each.data);
                used += allocated;
                promised += Math.max(0, each.placed.disk().sizeBytes() - allocated);
            }
        }
        return new Held(used, promised);
    }

    /**
     * What machines have of a place.
     *
     * @param promisedBytes
     *            what they may take beyond that
     */
    record Held(long usedBytes, long promisedBytes) {}

    @Override
    public BlockDevice open(PlacedDisk disk) throws IOException {
        Path path = Path.of(disk.path());
        Preallocation preallocation = of(disk).map(Datastore::preallocation).orElse(Preallocation.THIN);
        know(disk);
        return switch (disk.format()) {
            case VMDK -> FlatVmdk.open(path, false, preallocation);
            case RAW, DEVICE -> RawDevice.open(path, false, preallocation);
        };
    }

    @Override
    public BlockDevice reread(PlacedDisk disk) throws IOException {
        Path bytes = NewDisk.data(disk);
        try {
            return RawDevice.openDirect(bytes);
        } catch (IOException unable) {
            // Not every file system can be read past the cache.
            return RawDevice.open(bytes, true);
        }
    }

    @Override
    public long seal(PlacedDisk disk) throws IOException {
        return BlockDevices.seal(NewDisk.data(disk));
    }
}

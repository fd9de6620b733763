package io.backhaul.benchmarks;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.mastertarget.BaseDisks;
import io.backhaul.mastertarget.DiskFormat;
import io.backhaul.mastertarget.PlacedDisk;
import io.backhaul.protocol.DiskInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Base disks that are raw files in a folder; one that stands there already is taken. */
record RawDisks(Path folder) implements BaseDisks {
    static String name(int index) {
        return "disk-" + index + ".raw";
    }

    Path path(int index) {
        return folder.resolve(name(index));
    }

    @Override
    public List<PlacedDisk> prepare(UUID machine, String machineName, List<DiskInfo> wanted) throws IOException {
        List<PlacedDisk> placed = new ArrayList<>();
        for (DiskInfo each : wanted) {
            Path path = path(each.index());
            if (!Files.exists(path)) {
                RawDevice.create(path, each.sizeBytes()).close();
            }
            placed.add(new PlacedDisk(each, DiskFormat.RAW, path.toString()));
        }
        return placed;
    }

    @Override
    public BlockDevice open(PlacedDisk disk) throws IOException {
        return RawDevice.open(Path.of(disk.path()), false);
    }

    @Override
    public long seal(PlacedDisk disk) throws IOException {
        return BlockDevices.seal(Path.of(disk.path()));
    }
}

package io.backhaul.simulation;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.mastertarget.BaseDisks;
import io.backhaul.mastertarget.DiskFormat;
import io.backhaul.mastertarget.PlacedDisk;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.SimHost;
import io.backhaul.simulation.world.SimProcess;
import io.backhaul.simulation.world.Tally;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;

/** A datastore of simulated disks, which stays when processes go. */
final class SimBaseDisks {
    private final SimHost host;
    private final Tally tally;
    private final SortedMap<String, SimDisk> disks = new TreeMap<>();

    SimBaseDisks(SimHost host, Tally tally) {
        this.host = host;
        this.tally = tally;
    }

    /** The base disks there are, in the order of their names, which is that of their indexes. */
    List<SimDisk> all() {
        return new ArrayList<>(disks.values());
    }

    /** All of them are gone. */
    void wipe() {
        disks.values().forEach(SimDisk::wipe);
        disks.clear();
    }

    BaseDisks of(SimProcess process) {
        return new BaseDisks() {
            @Override
            public List<PlacedDisk> prepare(UUID machine, String machineName, List<DiskInfo> wanted) {
                return wanted.stream().map(disk -> {
                    String name = "base" + disk.index();
                    disks.computeIfAbsent(name,
                            path -> new SimDisk(host, path, disk.sizeBytes(), disk.sectorSizeBytes(), tally));
                    return new PlacedDisk(disk, DiskFormat.RAW, name);
                }).toList();
            }

            @Override
            public BlockDevice open(PlacedDisk disk) throws IOException {
                SimDisk found = disks.get(disk.path());
                if (found == null) {
                    throw new IOException(disk.path() + " does not exist");
                }
                return found.open(process);
            }

            @Override
            public long seal(PlacedDisk disk) throws IOException {
                SimDisk found = disks.get(disk.path());
                if (found == null) {
                    throw new IOException(disk.path() + " does not exist");
                }
                return found.changes() + 1;
            }
        };
    }
}

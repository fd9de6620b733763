package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.mastertarget.SectorSums.Owner;
import java.io.IOException;
import java.util.UUID;

/**
 * Where the checksums of a machine's base disks lie: the folder {@code base} of the machine.
 * <p>
 * Where a file is lost or damaged, its disk goes on without: another one is begun, and learns from what the disk holds. That is
 * said, as rot from before can be found by a comparison with the source only.
 */
final class BaseSums {
    private static final String FOLDER = "base";

    private final Volume volume;
    private final UUID machine;
    private final UUID replica;
    private final Damages damages;

    BaseSums(Volume machineFolder, Checkpoint checkpoint, Damages damages) throws IOException {
        this.volume = machineFolder.folder(FOLDER);
        this.machine = checkpoint.machine();
        this.replica = checkpoint.replica();
        this.damages = damages;
    }

    /** What a disk holds when it is opened. */
    @FunctionalInterface
    interface Content {
        boolean isAllZero() throws IOException;
    }

    static String name(int disk) {
        return "disk-" + disk + ".sums";
    }

    /** What status calls the file. */
    static String file(int disk) {
        return FOLDER + "/" + name(disk);
    }

    /**
     * Opens those of a disk, or begins them.
     *
     * @param isNew
     *            whether the disk is being made part of the machine
     */
    SectorSums open(PlacedDisk disk, boolean isNew, Content content) throws IOException {
        Owner owner = new Owner(machine, replica, disk.index(), disk.disk().sizeBytes());
        String name = name(disk.index());
        String why = "they are not there";
        if (volume.exists(name)) {
            try {
                return SectorSums.open(volume, name, owner);
            } catch (StoreException failed) {
                if (failed.kind() != Kind.CORRUPT) {
                    throw failed;
                }
                why = String.valueOf(failed.getMessage());
            }
        }
        SectorSums begun = SectorSums.create(volume, name, owner, content.isAllZero());
        if (!isNew && !begun.isWhole()) {
            damages.forgottenSums(disk, why);
        }
        return begun;
    }

    /** Those of a disk have become whole again. */
    void completed(int disk) {
        damages.sumsMade(disk);
    }

    /** A stretch of a disk is not what was written. */
    StoreException wrong(PlacedDisk disk, BaseStretch stretch) {
        StoreException why = new StoreException(Kind.CORRUPT,
                disk.path() + ": " + stretch + " are not what was written; check the datastore's hardware");
        damages.base(stretch);
        return why;
    }

    /** Forgets all. */
    void delete() throws IOException {
        for (String name : volume.list("")) {
            volume.delete(name);
        }
        volume.syncFolder("");
    }
}

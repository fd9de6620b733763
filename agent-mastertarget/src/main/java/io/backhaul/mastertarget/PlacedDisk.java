package io.backhaul.mastertarget;

import io.backhaul.protocol.DiskInfo;

/**
 * A disk of a machine and where its base lies.
 *
 * @param path
 *            what the {@link BaseDisks} that placed it opens it by
 */
public record PlacedDisk(DiskInfo disk, DiskFormat format, String path) {
    public int index() {
        return disk.index();
    }
}

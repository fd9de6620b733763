package io.backhaul.mastertarget;

import io.backhaul.mastertarget.SpaceLevels.Level;
import java.util.List;
import java.util.UUID;

/**
 * How a retention volume or a datastore was last seen.
 *
 * @param room
 *            nothing where it could not be looked at
 * @param usedBytes
 *            what our machines' journals and old content, or base disks, take there
 * @param promisedBytes
 *            what they may take beyond that: up to retention.bytes, or up to the size of thin disks
 * @param machines
 *            those that have something there, in order
 * @param trouble
 *            why it could not be looked at; empty where it could
 */
record Usage(String name, String folder, Room room, long usedBytes, long promisedBytes, Level level,
        List<UUID> machines, String trouble) {
    /** Whether more is promised than there is. */
    boolean isOvercommitted() {
        return promisedBytes > room.freeBytes();
    }
}

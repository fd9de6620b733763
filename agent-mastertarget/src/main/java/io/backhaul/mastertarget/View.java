package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.Position;
import java.util.List;

/**
 * The disks of a machine as they were at one recovery point, read-only; any thread may read them. While a view is open the
 * base disks are folded beyond its position only where what they held is saved, and what it reads of both stays.
 *
 * @param number
 *            what it is called in the machine's status
 * @param release
 *            lets it go; once nobody reads it any more
 */
public record View(int number, Position position, List<Disk> disks, Runnable release) implements AutoCloseable {
    /** One disk of it. */
    public record Disk(int index, BlockDevice device) {}

    /** Lets the view go. From any thread, once, when nobody reads it any more. */
    @Override
    public void close() {
        release.run();
    }
}

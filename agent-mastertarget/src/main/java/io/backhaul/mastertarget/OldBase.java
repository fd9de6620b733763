package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.mastertarget.UndoSet.Found;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A base disk as it stood at an earlier position, while it is folded on: what has been saved since, and else the disk itself.
 * What is saved is known here before the disk is overwritten, so the disk is read first, and then it is asked what was saved.
 * Read by any thread.
 *
 * @param at
 *            where the base disks stood when a file of old content was begun, or before the first one was
 */
record OldBase(BaseDisk disk, UndoSet undo, Position at) {
    private record Extent(long from, long to, boolean zero) {}

    private List<Found> find(long from, long to) {
        return undo.find(at, disk.placed().index(), from, to);
    }

    /** Fills the target. */
    void read(long offset, ByteBuffer target) throws IOException {
        int start = target.position();
        int limit = target.limit();
        long end = offset + target.remaining();
        List<Found> found = find(offset, end);
        if (found.stream().anyMatch(each -> each.file() == null)) {
            disk.read(offset, target);
            found = find(offset, end);
        }
        for (Found each : found) {
            if (each.file() != null) {
                undo.read(each, target.limit(start + (int) (each.to() - offset))
                        .position(start + (int) (each.from() - offset)));
            }
        }
        target.limit(limit).position(limit);
    }

    /** Says which parts are zero, in rising order without gaps. */
    void extents(long offset, long lengthBytes, BlockDevice.ExtentVisitor visitor) throws IOException {
        List<Extent> present = new ArrayList<>();
        disk.extents(offset, lengthBytes, (from, length, zero) -> present.add(new Extent(from, from + length, zero)));
        int next = 0;
        for (Found each : find(offset, offset + lengthBytes)) {
            long at = each.from();
            while (at < each.to() && each.file() == null) {
                while (present.get(next).to <= at) {
                    next++;
                }
                long end = Math.min(each.to(), present.get(next).to);
                visitor.extent(at, end - at, present.get(next).zero);
                at = end;
            }
            if (each.file() != null) {
                visitor.extent(each.from(), each.to() - each.from(), each.zero());
            }
        }
    }
}

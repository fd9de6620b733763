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
    private static final int ATTEMPTS = 3;

    private record Extent(long from, long to, boolean zero) {}

    private List<Found> find(long from, long to) {
        return undo.find(at, disk.placed().index(), from, to);
    }

    /**
     * Fills the target.
     *
     * @throws io.backhaul.engine.log.StoreException
     *             of kind CORRUPT where the disk, or what was saved of it, is not what was written
     */
    void read(long offset, ByteBuffer target) throws IOException {
        long from = BaseDisk.floor(offset);
        long to = BaseDisk.ceiling(offset + target.remaining());
        if (from == offset && to == offset + target.remaining()) {
            readSectors(offset, target);
        } else {
            ByteBuffer whole = ByteBuffer.allocate(Math.toIntExact(to - from));
            readSectors(from, whole);
            target.put(whole.slice(Math.toIntExact(offset - from), target.remaining()));
        }
    }

    private void readSectors(long offset, ByteBuffer target) throws IOException {
        int start = target.position();
        int limit = target.limit();
        long end = offset + target.remaining();
        List<Found> found = find(offset, end);
        if (found.stream().anyMatch(each -> each.file() == null)) {
            found = fromDisk(offset, target);
        }
        for (Found each : found) {
            if (each.file() != null) {
                undo.read(each, target.limit(start + (int) (each.to() - offset))
                        .position(start + (int) (each.from() - offset)));
            }
        }
        target.limit(limit).position(limit);
    }

    /** Nothing that is not saved is being written: if it is wrong, and was not saved meanwhile, it has rotted. */
    private List<Found> fromDisk(long offset, ByteBuffer target) throws IOException {
        int start = target.position();
        int length = target.remaining();
        for (int i = 1;; i++) {
            disk.readUnverified(offset, target.position(start));
            List<Found> found = find(offset, offset + length);
            List<BaseStretch> wrong = wrong(offset, target.slice(start, length), found);
            if (wrong.isEmpty()) {
                return found;
            } else if (i == ATTEMPTS) {
                throw disk.damaged(wrong.getFirst());
            }
        }
    }

    private List<BaseStretch> wrong(long offset, ByteBuffer content, List<Found> found) throws IOException {
        for (Found each : found) {
            if (each.file() == null) {
                long from = BaseDisk.floor(each.from());
                int length = Math.toIntExact(BaseDisk.ceiling(each.to()) - from);
                List<BaseStretch> wrong = disk.wrong(from, content.slice((int) (from - offset), length));
                if (!wrong.isEmpty()) {
                    return wrong;
                }
            }
        }
        return List.of();
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

package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of a disk, and where its newest bytes lie in the journal.
 *
 * @param at
 *            the frame that brought it
 * @param payloadOffset
 *            where its first byte stands in the frame's expanded payload; nothing where it is zero
 */
record Piece(int disk, long start, int lengthBytes, boolean zero, Placement at, int payloadOffset) {
    long end() {
        return start + lengthBytes;
    }

    /** The part of it between two offsets of the disk, which lie in it. */
    Piece cut(long from, long to) {
        return from == start && to == end() ? this
                : new Piece(disk, from, Math.toIntExact(to - from), zero, at,
                        zero ? 0 : Math.toIntExact(payloadOffset + (from - start)));
    }

    /** Whether it begins before the place. */
    boolean isBefore(int otherDisk, long offset) {
        return disk < otherDisk || (disk == otherDisk && start < offset);
    }

    /** Pieces in rising order of disk and start, without overlaps; null at the end. */
    @FunctionalInterface
    interface Source {
        @Nullable
        Piece next() throws IOException;
    }
}

package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.Position;

/**
 * What the index counts in: a stretch of frames within one segment of the journal, cut where the segment ends or where it
 * holds so many extents that its table would grow too large.
 *
 * @param number
 *            from 1, rising by one
 */
record IndexUnit(long number, Reach reach, Times times, long extents) {
    /**
     * Which part of the journal something is about.
     *
     * @param before
     *            the position in front of it
     * @param from
     *            where its first frame begins, in the first segment
     * @param end
     *            where its last frame ends, in the last segment
     */
    record Reach(Position before, Position last, long firstSegment, int from, long lastSegment, int end) {
        /** Both, where the other one follows. */
        Reach with(Reach following) {
            return new Reach(before, following.last, firstSegment, from, following.lastSegment, following.end);
        }
    }

    /** The earliest time of a frame in it, and that of its last one; the clock may have jumped in between. */
    record Times(long minMicros, long lastMicros) {}

    /**
     * A frame that is no write.
     *
     * @param before
     *            the last position in front of it in the unit; NONE where it is the unit's first frame
     * @param beforeMicros
     *            the time of the frame there
     */
    record Event(Placement at, Position before, long beforeMicros) {}

    Position before() {
        return reach.before();
    }

    Position last() {
        return reach.last();
    }

    long segment() {
        return reach.firstSegment();
    }

    /** Whether the position is one of its records. */
    boolean holds(Position position) {
        return before().isBefore(position) && last().isAtLeast(position);
    }
}

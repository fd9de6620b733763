package io.backhaul.engine.log;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.Position;

/**
 * A stretch of a segment's file that is not what was written.
 *
 * @param after
 *            the last position in front of it
 * @param upTo
 *            the last position that is in it; as {@code after} where no record is
 * @param what
 *            what is wrong, in words
 */
public record SegmentDamage(long segment, int offset, int lengthBytes, Position after, Position upTo, String what) {
    /** The name of the segment's file. */
    public String fileName() {
        return Segment.fileName(segment);
    }

    /** Whether it takes a record with it. */
    public boolean takesRecords() {
        return after.isBefore(upTo);
    }

    /** Whether a frame lies in it. */
    public boolean holds(Placement at) {
        return at.segment() == segment && at.offset() >= offset && at.offset() < offset + lengthBytes;
    }
}

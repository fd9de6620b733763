package io.backhaul.engine.log;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Position;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of a segment's file that is not what was written.
 *
 * @param lengthBytes
 *            up to {@link Integer#MAX_VALUE} where the file ends, and may have been longer
 * @param after
 *            the last position in front of it
 * @param upTo
 *            the last position that is in it; as {@code after} where no record is
 * @param type
 *            what it is, where it is one frame with a header that can be trusted; null otherwise
 * @param what
 *            what is wrong, in words
 */
public record SegmentDamage(long segment, int offset, int lengthBytes, Position after, Position upTo,
        @Nullable FrameType type, String what) {
    /** The name of the segment's file. */
    public String fileName() {
        return Segment.fileName(segment);
    }

    /** Whether it takes a record with it. */
    public boolean takesRecords() {
        return after.isBefore(upTo);
    }

    /** Whether a write may be among what it takes. */
    public boolean mayHoldWrites() {
        return type == null || type == FrameType.WRITES;
    }

    /** Whether a frame may be that says what the stream is worth from there on. */
    public boolean mayHoldFidelity() {
        return type == null || type == FrameType.FIDELITY || type == FrameType.GENERATION;
    }

    /** Whether a frame lies in it. */
    public boolean holds(Placement at) {
        return at.segment() == segment && at.offset() >= offset && at.offset() < offset + lengthBytes;
    }
}

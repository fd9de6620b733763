package io.backhaul.engine.log;

/**
 * How a segment log cuts its files.
 *
 * @param segmentBytes
 *            a segment that has reached this length is sealed before the next append; one append may go beyond
 * @param indexStrideBytes
 *            how far apart the places are that the memory index knows
 */
public record SegmentLimits(int segmentBytes, int indexStrideBytes) {
    /** 64 MiB segments, a place in the index for each MiB. */
    public static final SegmentLimits DEFAULT = new SegmentLimits(64 << 20, 1 << 20);

    private static final int MAX_SEGMENT_BYTES = 1 << 30;

    public SegmentLimits {
        if (segmentBytes <= SegmentHeader.LENGTH_BYTES || segmentBytes > MAX_SEGMENT_BYTES || indexStrideBytes < 1) {
            throw new IllegalArgumentException(
                    "segments of " + segmentBytes + " bytes, indexed every " + indexStrideBytes);
        }
    }

    /** Limits with another segment length and a suitable index. */
    public static SegmentLimits ofSegments(int segmentBytes) {
        return new SegmentLimits(segmentBytes, DEFAULT.indexStrideBytes);
    }
}

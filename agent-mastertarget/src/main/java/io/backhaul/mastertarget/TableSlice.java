package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;

/** Some extents of one segment, in the order of arrival; never changes. */
record TableSlice(long segment, int from, int to, Columns columns) {
    /** Columns of a {@link SegmentTable}, of which nobody but it knows how far they are filled. */
    @SuppressWarnings("ArrayRecordComponent")
    record Columns(long[] diskOffsets, int[] spans, int[] frameOf, int[] payloadOffsets, short[] disks, int[] offsets,
            int[] lengths) {}

    int count() {
        return to - from;
    }

    int disk(int index) {
        return columns.disks[from + index] & 0xffff;
    }

    long diskOffset(int index) {
        return columns.diskOffsets[from + index];
    }

    int lengthBytes(int index) {
        return Math.abs(columns.spans[from + index]);
    }

    boolean isZero(int index) {
        return columns.spans[from + index] < 0;
    }

    /** Where the extent's bytes begin in its frame's payload. */
    int payloadOffset(int index) {
        return columns.payloadOffsets[from + index];
    }

    /** Which frame of the segment holds the extent. */
    int frame(int index) {
        return columns.frameOf[from + index];
    }

    /** Where the frame that holds the extent lies. */
    Placement placement(int index) {
        int frame = frame(index);
        return new Placement(segment, columns.offsets[frame], columns.lengths[frame]);
    }
}

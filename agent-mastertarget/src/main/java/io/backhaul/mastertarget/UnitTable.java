package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameHeader;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What one unit of the journal holds: its frames, and the extents of its writes in the order of arrival, in columns of
 * plain numbers: {@value #EXTENT_BYTES} bytes an extent and {@value #FRAME_BYTES} a frame. Columns only grow at their
 * end, and grown ones are replaced, so that what a {@link TableSlice} took stays as it was.
 * <p>
 * Owned by the machine's loop while it grows; never changes afterwards.
 */
final class UnitTable {
    static final int EXTENT_BYTES = 8 + 4 + 4 + 4 + 2;
    static final int FRAME_BYTES = 3 * 8 + 4 * 4;

    /** More frames than this are never in one table, so that memory is bounded where frames hold few extents. */
    static final int MAX_FRAMES = 16_384;

    private static final long MAX_SPAN_BYTES = 1 << 30;

    private final long segment;
    private final Position before;
    private long minMicros = Long.MAX_VALUE;
    private int frames;
    private long[] generations = new long[16];
    private long[] sequences = new long[16];
    private long[] times = new long[16];
    private int[] offsets = new int[16];
    private int[] lengths = new int[16];
    private int[] records = new int[16];
    private int[] firstExtents = new int[16];
    private int extents;
    private long[] diskOffsets = new long[64];
    private int[] spans = new int[64];
    private int[] frameOf = new int[64];
    private int[] payloadOffsets = new int[64];
    private short[] disks = new short[64];
    private int[] events = new int[8];
    private int eventCount;

    /**
     * @param before
     *            the position in front of the first frame
     */
    UnitTable(long segment, Position before) {
        this.segment = segment;
        this.before = before;
    }

    /** Whether a frame belongs into the next table. */
    boolean isFullFor(Placement at, int unitExtents) {
        return frames > 0 && (at.segment() != segment || extents >= unitExtents || frames >= MAX_FRAMES);
    }

    void add(Frame frame, Placement at) throws MalformedBodyException {
        if (frames == generations.length) {
            growFrames();
        }
        generations[frames] = frame.generation();
        sequences[frames] = frame.sequence();
        times[frames] = frame.timeMicros();
        minMicros = Math.min(minMicros, frame.timeMicros());
        offsets[frames] = at.offset();
        lengths[frames] = at.lengthBytes();
        records[frames] = frame.records();
        firstExtents[frames] = extents;
        if (frame.type() == FrameType.WRITES) {
            addExtents(WriteBatch.open(frame));
        } else {
            addEvent();
        }
        frames++;
    }

    /**
     * Frames that cannot be read have been passed over. Where nobody knows what they wrote, they stand for one frame that
     * wrote everything: so what they may have written is never taken for what was there before.
     *
     * @param timeMicros
     *            of the frame in front of them
     * @param sizes
     *            of the disks, by their indexes
     */
    void lose(SegmentDamage damage, long timeMicros, Map<Integer, Long> sizes) {
        if (frames == generations.length) {
            growFrames();
        }
        Position end = damage.upTo();
        generations[frames] = end.generation();
        sequences[frames] = end.sequence();
        times[frames] = timeMicros;
        offsets[frames] = damage.offset();
        // No frame is as short, so that nothing is ever read there, though it could be read again.
        lengths[frames] = FrameHeader.LENGTH_BYTES;
        records[frames] = 1;
        firstExtents[frames] = extents;
        if (damage.mayHoldWrites()) {
            sizes.forEach(this::addEverything);
        }
        if (damage.mayHoldFidelity()) {
            addEvent();
        }
        frames++;
    }

    private void addEverything(int disk, long sizeBytes) {
        for (long at = 0; at < sizeBytes; at += MAX_SPAN_BYTES) {
            growExtents(extents + 1);
            diskOffsets[extents] = at;
            spans[extents] = (int) Math.min(MAX_SPAN_BYTES, sizeBytes - at);
            frameOf[extents] = frames;
            payloadOffsets[extents] = 0;
            disks[extents] = (short) disk;
            extents++;
        }
    }

    private void addEvent() {
        events = eventCount == events.length ? Arrays.copyOf(events, 2 * eventCount) : events;
        events[eventCount++] = frames;
    }

    private void addExtents(WriteBatch batch) {
        growExtents(extents + batch.records());
        int payload = 0;
        for (int i = 0; i < batch.records(); i++) {
            int length = batch.lengthBytes(i);
            boolean zero = batch.isZero(i);
            diskOffsets[extents] = batch.offset(i);
            spans[extents] = zero ? -length : length;
            frameOf[extents] = frames;
            payloadOffsets[extents] = payload;
            disks[extents] = (short) batch.disk(i);
            payload += zero ? 0 : length;
            extents++;
        }
    }

    private void growFrames() {
        int size = frames * 2;
        generations = Arrays.copyOf(generations, size);
        sequences = Arrays.copyOf(sequences, size);
        times = Arrays.copyOf(times, size);
        offsets = Arrays.copyOf(offsets, size);
        lengths = Arrays.copyOf(lengths, size);
        records = Arrays.copyOf(records, size);
        firstExtents = Arrays.copyOf(firstExtents, size);
    }

    private void growExtents(int needed) {
        if (needed > diskOffsets.length) {
            int size = Math.max(needed, extents * 2);
            diskOffsets = Arrays.copyOf(diskOffsets, size);
            spans = Arrays.copyOf(spans, size);
            frameOf = Arrays.copyOf(frameOf, size);
            payloadOffsets = Arrays.copyOf(payloadOffsets, size);
            disks = Arrays.copyOf(disks, size);
        }
    }

    long segment() {
        return segment;
    }

    int extents() {
        return extents;
    }

    long memoryBytes() {
        return (long) generations.length * FRAME_BYTES + (long) diskOffsets.length * EXTENT_BYTES;
    }

    private Position first(int frame) {
        return new Position(generations[frame], sequences[frame]);
    }

    private Position last(int frame) {
        return new Position(generations[frame], sequences[frame] + records[frame] - 1);
    }

    /** The position in front of the first frame. */
    Position before() {
        return before;
    }

    /** The last position held; {@link #before} where the table is empty. */
    Position last() {
        return frames == 0 ? before : last(frames - 1);
    }

    /** What it is about, as a unit of that number. */
    IndexUnit unit(long number) {
        int end = frames == 0 ? 0 : offsets[frames - 1] + lengths[frames - 1];
        return new IndexUnit(number, new IndexUnit.Reach(before, last(), segment, offsets[0], segment, end),
                new IndexUnit.Times(minMicros, frames == 0 ? 0 : times[frames - 1]), extents);
    }

    /** Its frames that are no writes. */
    List<IndexUnit.Event> events() {
        List<IndexUnit.Event> found = new ArrayList<>();
        for (int i = 0; i < eventCount; i++) {
            int frame = events[i];
            found.add(new IndexUnit.Event(new Placement(segment, offsets[frame], lengths[frame]),
                    frame == 0 ? Position.NONE : last(frame - 1), frame == 0 ? 0 : times[frame - 1]));
        }
        return found;
    }

    /** The last position of the newest frame that is not later than {@code timeMicros}; NONE where all are. */
    Position lastUpTo(long timeMicros) {
        for (int frame = frames - 1; frame >= 0; frame--) {
            if (times[frame] <= timeMicros) {
                return last(frame);
            }
        }
        return Position.NONE;
    }

    /** The time of the frame that holds the position, or of the newest one before it; 0 where all are after it. */
    long timeAt(Position position) {
        int frame = framesUpTo(position) - 1;
        return frame < 0 ? 0 : times[frame];
    }

    /** How many frames begin at or before the position. */
    private int framesUpTo(Position position) {
        int low = 0;
        int high = frames;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (position.isAtLeast(first(middle))) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** How many extents have a position that is not after {@code position}. */
    private int extentsUpTo(Position position) {
        int frame = framesUpTo(position) - 1;
        if (frame < 0) {
            return 0;
        }
        int end = frame + 1 < frames ? firstExtents[frame + 1] : extents;
        if (position.isAtLeast(last(frame))) {
            return end;
        }
        return (int) Math.min(end, firstExtents[frame] + position.sequence() - sequences[frame] + 1);
    }

    /** The extents after {@code after} up to {@code upTo}, as they are now. */
    TableSlice slice(Position after, Position upTo) {
        int from = extentsUpTo(after);
        return new TableSlice(segment, from, Math.max(from, extentsUpTo(upTo)), new TableSlice.Columns(diskOffsets,
                spans, frameOf, payloadOffsets, disks, offsets, lengths));
    }
}

package io.backhaul.engine.log;

import io.backhaul.engine.log.SegmentHeader.SyncMark;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.Position;
import java.util.Arrays;

/**
 * What is known of one segment file. The log's owner changes it; readers on other threads see what is synced: they read
 * {@link #synced} once and stay below its end.
 */
final class Segment {
    private static final int INDEX_START_ENTRIES = 8;

    private final SegmentHeader header;
    private final int indexStrideBytes;
    private volatile Position first = Position.NONE;
    private volatile Position last;
    private int end = SegmentHeader.LENGTH_BYTES;
    private volatile SyncMark synced;
    private long[] indexGenerations = new long[INDEX_START_ENTRIES];
    private long[] indexSequences = new long[INDEX_START_ENTRIES];
    private int[] indexOffsets = new int[INDEX_START_ENTRIES];
    private int indexEntries;
    private int skippedTo;
    private boolean endIsLost;

    Segment(SegmentHeader header, int indexStrideBytes) {
        this.header = header;
        this.indexStrideBytes = indexStrideBytes;
        this.last = header.before();
        this.synced = new SyncMark(end, last);
    }

    SegmentHeader header() {
        return header;
    }

    long number() {
        return header.number();
    }

    String fileName() {
        return fileName(number());
    }

    static String fileName(long number) {
        return "%016x.seg".formatted(number);
    }

    static boolean isFileName(String name) {
        return name.matches("[0-9a-f]{16}\\.seg");
    }

    Position before() {
        return header.before();
    }

    /** The first frame's first position; NONE where there is no frame. */
    Position first() {
        return first;
    }

    /** The last frame's last position; {@link #before} where there is no frame. */
    Position last() {
        return last;
    }

    /** Where the next frame goes. */
    int end() {
        return end;
    }

    /** How far readers may go. */
    SyncMark synced() {
        return synced;
    }

    boolean isEmpty() {
        return end == SegmentHeader.LENGTH_BYTES;
    }

    boolean isSynced() {
        return end == synced.end();
    }

    /** Whether a frame that begins at {@code next} may stand behind a frame or header that ends at {@code last}. */
    static boolean follows(Position last, Position next) {
        return next.generation() == last.generation() ? next.sequence() == last.sequence() + 1
                : next.generation() > last.generation() && next.sequence() == 1;
    }

    /** Notes a frame at {@link #end}. */
    void grow(Position frameFirst, Position frameLast, int lengthBytes) {
        if (first.equals(Position.NONE)) {
            first = frameFirst;
        }
        index(frameFirst);
        last = frameLast;
        end += lengthBytes;
    }

    /**
     * Notes that what is at {@link #end} cannot be read, and where it goes on.
     *
     * @param toTheEnd
     *            whether nothing behind it can be, however long the file has been
     */
    void skipTo(Start next, boolean toTheEnd) {
        endIsLost = toTheEnd;
        last = next.before();
        end = next.offset();
        skippedTo = end;
    }

    /**
     * Every generation's first frame has an entry, whatever the stride: who gives one up finds the next one at once. So has
     * the first one behind what cannot be read.
     */
    private synchronized void index(Position frameFirst) {
        boolean begins = frameFirst.sequence() == 1 || end == skippedTo;
        if (indexEntries > 0 && !begins && end - indexOffsets[indexEntries - 1] < indexStrideBytes) {
            return;
        }
        if (indexEntries == indexOffsets.length) {
            indexGenerations = Arrays.copyOf(indexGenerations, 2 * indexEntries);
            indexSequences = Arrays.copyOf(indexSequences, 2 * indexEntries);
            indexOffsets = Arrays.copyOf(indexOffsets, 2 * indexEntries);
        }
        indexGenerations[indexEntries] = frameFirst.generation();
        indexSequences[indexEntries] = frameFirst.sequence();
        indexOffsets[indexEntries] = end;
        indexEntries++;
    }

    /** An offset at which a frame begins, not behind the first frame whose last position is after {@code after}. */
    synchronized int seek(Position after) {
        int behind = firstEntryBehind(after);
        if (behind < indexEntries && after.sequence() == Long.MAX_VALUE) {
            // What is behind a whole generation is the next one's first frame; nothing before it needs to be readable.
            return indexOffsets[behind];
        }
        return behind == 0 ? SegmentHeader.LENGTH_BYTES : indexOffsets[behind - 1];
    }

    /** The first generation above {@code generation} that begins here; 0 where none does. */
    synchronized long generationAbove(long generation) {
        int behind = firstEntryBehind(new Position(generation, Long.MAX_VALUE));
        return behind < indexEntries ? indexGenerations[behind] : 0;
    }

    /**
     * Where a frame begins.
     *
     * @param before
     *            what is in front of it; of a generation's first frame, nothing of that generation
     */
    record Start(Position before, int offset) {}

    /** A frame that cannot be found at an offset, and with it all up to the next one that is known to begin somewhere. */
    SegmentDamage lost(int offset, Position after, String why) {
        Start next = startBehind(offset);
        int lengthBytes = (endIsLost && next.offset() == synced.end() ? Integer.MAX_VALUE : next.offset()) - offset;
        return new SegmentDamage(number(), offset, lengthBytes, after, next.before(), null, why);
    }

    /** A frame at an offset of which only the header can be trusted. */
    SegmentDamage damaged(int offset, Position after, Decoded.Damaged frame) {
        return new SegmentDamage(number(), offset, frame.lengthBytes(), after, frame.last(), frame.type(),
                "the body of " + frame.type() + " " + frame.first() + " does not match its checksum");
    }

    /** The last frame known to begin at or before an offset: the segment's first where none is. */
    synchronized Start startUpTo(int offset) {
        int found = startsUpTo(offset) - 1;
        return found <= 0 ? new Start(before(), SegmentHeader.LENGTH_BYTES) : start(found);
    }

    /** The first frame known to begin behind an offset; where none is, the end of what is synced. */
    synchronized Start startBehind(int offset) {
        SyncMark end = synced;
        int behind = startsUpTo(offset);
        return behind < indexEntries && indexOffsets[behind] < end.end() ? start(behind)
                : new Start(end.last(), end.end());
    }

    private Start start(int entry) {
        return new Start(new Position(indexGenerations[entry], indexSequences[entry] - 1), indexOffsets[entry]);
    }

    private int startsUpTo(int offset) {
        int found = Arrays.binarySearch(indexOffsets, 0, indexEntries, offset);
        return found >= 0 ? found + 1 : -found - 1;
    }

    private int firstEntryBehind(Position after) {
        int low = 0;
        int high = indexEntries;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (after.isAtLeast(new Position(indexGenerations[middle], indexSequences[middle]))) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** All that has been noted so far is durable. */
    void markSynced() {
        synced = new SyncMark(end, last);
    }

    /** Forgets what is not durable. */
    synchronized void cutToSynced() {
        end = synced.end();
        last = synced.last();
        while (indexEntries > 0 && indexOffsets[indexEntries - 1] >= end) {
            indexEntries--;
        }
        if (isEmpty()) {
            first = Position.NONE;
        }
    }
}

package io.backhaul.mastertarget;

import java.util.Arrays;

/**
 * Which stretches of a disk have been saved, and where they lie in a file of old content: rising, without overlaps. Never
 * changes; 24 bytes a stretch.
 */
final class UndoMap {
    static final UndoMap EMPTY = new UndoMap(0);
    /** Stands where the checksum of a stretch without bytes would: what stood there had rotted. */
    static final int LOST = 1;
    private static final int EMPTY_FLAG = 1 << 31;

    private final long[] starts;
    private final int[] lengths;
    private final long[] places;
    private final int[] crcs;
    private int count;
    private int losses;

    private UndoMap(int capacity) {
        starts = new long[capacity];
        lengths = new int[capacity];
        places = new long[capacity];
        crcs = new int[capacity];
    }

    /** Gathers stretches in rising order. */
    static final class Builder {
        private UndoMap map = new UndoMap(64);

        void add(long start, int lengthBytes, boolean empty, long place, int crc) {
            if (map.count == map.starts.length) {
                map = map.grown();
            }
            map.put(start, lengthBytes | (empty ? EMPTY_FLAG : 0), place, crc);
        }

        UndoMap map() {
            return map;
        }
    }

    private UndoMap grown() {
        UndoMap larger = new UndoMap(count * 2);
        System.arraycopy(starts, 0, larger.starts, 0, count);
        System.arraycopy(lengths, 0, larger.lengths, 0, count);
        System.arraycopy(places, 0, larger.places, 0, count);
        System.arraycopy(crcs, 0, larger.crcs, 0, count);
        larger.count = count;
        larger.losses = losses;
        return larger;
    }

    private void put(long start, int length, long place, int crc) {
        starts[count] = start;
        lengths[count] = length;
        places[count] = place;
        crcs[count++] = crc;
        losses += length < 0 && crc == LOST ? 1 : 0;
    }

    /** Both; they do not overlap. */
    UndoMap with(UndoMap other) {
        UndoMap both = new UndoMap(count + other.count);
        int mine = 0;
        int theirs = 0;
        while (mine < count || theirs < other.count) {
            boolean own = theirs == other.count || (mine < count && starts[mine] < other.starts[theirs]);
            UndoMap from = own ? this : other;
            int at = own ? mine++ : theirs++;
            both.put(from.starts[at], from.lengths[at], from.places[at], from.crcs[at]);
        }
        return both;
    }

    int count() {
        return count;
    }

    long start(int stretch) {
        return starts[stretch];
    }

    int lengthBytes(int stretch) {
        return lengths[stretch] & ~EMPTY_FLAG;
    }

    long end(int stretch) {
        return starts[stretch] + lengthBytes(stretch);
    }

    boolean zero(int stretch) {
        return isEmpty(stretch) && crcs[stretch] != LOST;
    }

    /** Whether nobody knows what stood there. */
    boolean lost(int stretch) {
        return isEmpty(stretch) && crcs[stretch] == LOST;
    }

    /** Whether it has no bytes in the file. */
    boolean isEmpty(int stretch) {
        return lengths[stretch] < 0;
    }

    /** How many stretches are lost. */
    int losses() {
        return losses;
    }

    /** Where its bytes begin in the file. */
    long place(int stretch) {
        return places[stretch];
    }

    /** The checksum of its bytes. */
    int crc(int stretch) {
        return crcs[stretch];
    }

    /** The first stretch that ends after the offset; {@link #count} where there is none. */
    int firstEndingAfter(long offset) {
        int found = Arrays.binarySearch(starts, 0, count, offset);
        int at = found >= 0 ? found : -found - 2;
        return at >= 0 && end(at) > offset ? at : at + 1;
    }
}

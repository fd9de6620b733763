package io.backhaul.mastertarget;

import java.util.Arrays;

/**
 * Which extent is the newest at each byte of a disk: pieces in rising order without overlaps, each a part of one extent.
 * Sixteen bytes a piece; made in O(n log n) by a sweep over the extents' starts. Never changes.
 */
final class ExtentMap {
    private static final int DIGIT_BITS = 11;

    private long[] starts;
    private int[] lengths;
    private int[] ordinals;
    private int count;

    private ExtentMap(int capacity) {
        starts = new long[capacity];
        lengths = new int[capacity];
        ordinals = new int[capacity];
    }

    /**
     * Makes the map of what is on top.
     *
     * @param offsets
     *            where each extent begins, in the order of arrival
     * @param lengths
     *            how long each is, at least 1
     * @param ordinals
     *            what each is called; rising
     */
    static ExtentMap newest(long[] offsets, int[] lengths, int[] ordinals) {
        int[] byStart = sorted(offsets);
        ExtentMap map = new ExtentMap(Math.max(1, offsets.length));
        var alive = new NewestFirst(offsets.length);
        int next = 0;
        long at = 0;
        while (next < byStart.length || !alive.isEmpty()) {
            if (alive.isEmpty()) {
                at = offsets[byStart[next]];
            }
            while (next < byStart.length && offsets[byStart[next]] <= at) {
                alive.add(byStart[next++]);
            }
            int top = alive.first();
            long end = offsets[top] + lengths[top];
            if (end <= at) {
                alive.removeFirst();
                continue;
            }
            long until = next < byStart.length ? Math.min(end, offsets[byStart[next]]) : end;
            map.add(at, until, ordinals[top]);
            at = until;
        }
        return map;
    }

    private void add(long start, long end, int ordinal) {
        int length = (int) (end - start);
        if (count > 0 && ordinals[count - 1] == ordinal && starts[count - 1] + lengths[count - 1] == start) {
            lengths[count - 1] += length;
            return;
        }
        if (count == starts.length) {
            starts = Arrays.copyOf(starts, count * 2);
            lengths = Arrays.copyOf(lengths, count * 2);
            ordinals = Arrays.copyOf(ordinals, count * 2);
        }
        starts[count] = start;
        lengths[count] = length;
        ordinals[count++] = ordinal;
    }

    /** The places of the offsets in rising order of offset; a radix sort from the lowest digit up. */
    private static int[] sorted(long[] offsets) {
        int[] order = new int[offsets.length];
        long highest = 0;
        for (int i = 0; i < offsets.length; i++) {
            order[i] = i;
            highest |= offsets[i];
        }
        int[] other = new int[offsets.length];
        int mask = (1 << DIGIT_BITS) - 1;
        for (int shift = 0; shift < Long.SIZE && highest >>> shift != 0; shift += DIGIT_BITS) {
            int[] ends = new int[mask + 2];
            for (long offset : offsets) {
                ends[(int) (offset >>> shift & mask) + 1]++;
            }
            for (int digit = 1; digit < ends.length; digit++) {
                ends[digit] += ends[digit - 1];
            }
            for (int place : order) {
                other[ends[(int) (offsets[place] >>> shift & mask)]++] = place;
            }
            int[] sorted = other;
            other = order;
            order = sorted;
        }
        return order;
    }

    int count() {
        return count;
    }

    long start(int piece) {
        return starts[piece];
    }

    int lengthBytes(int piece) {
        return lengths[piece];
    }

    long end(int piece) {
        return starts[piece] + lengths[piece];
    }

    /** The extent that the piece is a part of. */
    int ordinal(int piece) {
        return ordinals[piece];
    }

    /** The first piece that ends after the offset; {@link #count} where there is none. */
    int firstEndingAfter(long offset) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (end(middle) <= offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** A heap of places, the highest first. */
    private static final class NewestFirst {
        private int[] heap;
        private int size;

        NewestFirst(int capacity) {
            heap = new int[Math.max(1, Math.min(capacity, 1024))];
        }

        boolean isEmpty() {
            return size == 0;
        }

        int first() {
            return heap[0];
        }

        void add(int place) {
            if (size == heap.length) {
                heap = Arrays.copyOf(heap, size * 2);
            }
            int at = size++;
            while (at > 0 && heap[(at - 1) / 2] < place) {
                heap[at] = heap[(at - 1) / 2];
                at = (at - 1) / 2;
            }
            heap[at] = place;
        }

        void removeFirst() {
            int moved = heap[--size];
            int at = 0;
            while (2 * at + 1 < size) {
                int child = 2 * at + 1;
                if (child + 1 < size && heap[child + 1] > heap[child]) {
                    child++;
                }
                if (heap[child] <= moved) {
                    break;
                }
                heap[at] = heap[child];
                at = child;
            }
            heap[at] = moved;
        }
    }
}

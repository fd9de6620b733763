package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;
import java.util.Arrays;
import java.util.List;

/**
 * A stretch of the journal's extents that never changes. Each has an ordinal: its place in the order of arrival, from 0,
 * across all disks.
 */
final class IndexSnapshot {
    private final List<TableSlice> slices;
    private final int[] firstOrdinals;
    private final int count;

    IndexSnapshot(List<TableSlice> slices) {
        this.slices = List.copyOf(slices);
        this.firstOrdinals = new int[slices.size()];
        int next = 0;
        for (int i = 0; i < firstOrdinals.length; i++) {
            firstOrdinals[i] = next;
            next = Math.addExact(next, slices.get(i).count());
        }
        this.count = next;
    }

    int count() {
        return count;
    }

    private int sliceOf(int ordinal) {
        int found = Arrays.binarySearch(firstOrdinals, ordinal);
        return found >= 0 ? found : -found - 2;
    }

    boolean isZero(int ordinal) {
        int slice = sliceOf(ordinal);
        return slices.get(slice).isZero(ordinal - firstOrdinals[slice]);
    }

    /** Where in its frame's payload the byte stands that an extent puts at {@code diskOffset}. */
    int payloadOffset(int ordinal, long diskOffset) {
        int slice = sliceOf(ordinal);
        TableSlice table = slices.get(slice);
        int index = ordinal - firstOrdinals[slice];
        return (int) (table.payloadOffset(index) + (diskOffset - table.diskOffset(index)));
    }

    /** Where the frame lies that holds an extent. */
    Placement placement(int ordinal) {
        int slice = sliceOf(ordinal);
        return slices.get(slice).placement(ordinal - firstOrdinals[slice]);
    }

    /** A piece of a map that was made of it. */
    Piece piece(int disk, ExtentMap map, int piece) {
        int ordinal = map.ordinal(piece);
        boolean zero = isZero(ordinal);
        long start = map.start(piece);
        return new Piece(disk, start, map.lengthBytes(piece), zero, placement(ordinal),
                zero ? 0 : payloadOffset(ordinal, start));
    }

    /** The newest version of each byte of a disk. */
    ExtentMap map(int disk) {
        int matching = 0;
        for (TableSlice slice : slices) {
            for (int i = 0; i < slice.count(); i++) {
                matching += slice.disk(i) == disk ? 1 : 0;
            }
        }
        long[] offsets = new long[matching];
        int[] lengths = new int[matching];
        int[] ordinals = new int[matching];
        int next = 0;
        for (int s = 0; s < firstOrdinals.length; s++) {
            TableSlice slice = slices.get(s);
            for (int i = 0; i < slice.count(); i++) {
                if (slice.disk(i) == disk) {
                    offsets[next] = slice.diskOffset(i);
                    lengths[next] = slice.lengthBytes(i);
                    ordinals[next++] = firstOrdinals[s] + i;
                }
            }
        }
        return ExtentMap.newest(offsets, lengths, ordinals);
    }
}

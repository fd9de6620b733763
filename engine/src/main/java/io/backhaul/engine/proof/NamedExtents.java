package io.backhaul.engine.proof;

import java.util.ArrayList;
import java.util.List;

/** Ranges of a disk, told in rising order: all are counted, neighbours are one, and the first few are named. Used by one thread. */
public final class NamedExtents {
    /** So many are named. */
    public static final int MAX_NAMED = 16;

    private final List<Extent> named = new ArrayList<>();
    private long bytes;

    /** A range of a disk. */
    public record Extent(long offset, long lengthBytes) {}

    /** The next one. */
    public void add(long offset, long lengthBytes) {
        bytes += lengthBytes;
        Extent last = named.isEmpty() ? null : named.getLast();
        if (last != null && last.offset + last.lengthBytes == offset) {
            named.set(named.size() - 1, new Extent(last.offset, last.lengthBytes + lengthBytes));
        } else if (named.size() < MAX_NAMED) {
            named.add(new Extent(offset, lengthBytes));
        }
    }

    /** What all of them have together. */
    public long bytes() {
        return bytes;
    }

    public List<Extent> named() {
        return List.copyOf(named);
    }
}

package io.backhaul.mastertarget;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Pages of checksums that were read lately, so that a small read needs no second call of the operating system. Nothing is read
 * under its lock: a page that may have been written while it was read is not kept. Safe for any thread.
 */
final class SumsCache {
    static final int PAGE_BYTES = 4096;
    /** Together 4 MiB, for 512 MiB of a disk. */
    private static final int MAX_PAGES = 1024;
    private static final int STRIPES = 256;

    private final Map<Long, ByteBuffer> pages = new LinkedHashMap<>(16, 0.75f, true);
    private final int[] writing = new int[STRIPES];
    private final int[] changes = new int[STRIPES];

    /** Reads a page of the file; what is behind its end is zero. */
    @FunctionalInterface
    interface Source {
        ByteBuffer page(long number) throws IOException;
    }

    private static int stripe(long page) {
        return (int) (page % STRIPES);
    }

    /** A page, which nobody changes. */
    ByteBuffer page(long number, Source source) throws IOException {
        int stripe = stripe(number);
        int before;
        synchronized (this) {
            ByteBuffer known = pages.get(number);
            if (known != null) {
                return known;
            }
            before = changes[stripe];
        }
        ByteBuffer read = source.page(number);
        keep(number, read, before);
        return read;
    }

    private synchronized void keep(long number, ByteBuffer page, int before) {
        int stripe = stripe(number);
        if (writing[stripe] == 0 && changes[stripe] == before) {
            pages.put(number, page);
            if (pages.size() > MAX_PAGES) {
                pages.remove(pages.keySet().iterator().next());
            }
        }
    }

    /** Bytes from a place on are about to be written. */
    synchronized void begin(long place, long lengthBytes) {
        mark(place, lengthBytes, 1);
    }

    private void mark(long place, long lengthBytes, int step) {
        long first = place / PAGE_BYTES;
        long last = Math.min((place + lengthBytes - 1) / PAGE_BYTES, first + STRIPES - 1);
        for (long page = first; page <= last; page++) {
            writing[stripe(page)] += step;
            changes[stripe(page)]++;
        }
    }

    /**
     * They have been, or not.
     *
     * @param written
     *            what was written; null where it is not known, or too much
     */
    synchronized void end(long place, long lengthBytes, @Nullable ByteBuffer written) {
        mark(place, lengthBytes, -1);
        long end = place + lengthBytes;
        if (written == null) {
            pages.keySet().removeIf(page -> page * PAGE_BYTES < end && place < (page + 1) * PAGE_BYTES);
            return;
        }
        for (long page = place / PAGE_BYTES; page * PAGE_BYTES < end; page++) {
            ByteBuffer known = pages.get(page);
            if (known != null) {
                int from = (int) Math.max(0, place - page * PAGE_BYTES);
                int to = (int) Math.min(PAGE_BYTES, end - page * PAGE_BYTES);
                ByteBuffer next = ByteBuffer.allocate(PAGE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
                next.put(0, known, 0, PAGE_BYTES);
                next.put(from, written, (int) (page * PAGE_BYTES + from - place), to - from);
                pages.put(page, next);
            }
        }
    }
}

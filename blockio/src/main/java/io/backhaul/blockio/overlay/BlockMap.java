package io.backhaul.blockio.overlay;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Where each block of an overlay is: in the base, all zero, or in a slot of the scratch. Sparse: costs memory where blocks
 * were changed. An entry is guarded by the lock of its block.
 */
final class BlockMap {
    /** The block is as in the base. */
    static final int BASE = 0;
    /** The block is all zero. */
    static final int ZERO = -1;
    private static final int PAGE_ENTRIES = 4096;

    private final AtomicReferenceArray<int @Nullable []> pages;

    BlockMap(long blocks) {
        this.pages = new AtomicReferenceArray<>((int) ((blocks + PAGE_ENTRIES - 1) / PAGE_ENTRIES));
    }

    /** {@link #BASE}, {@link #ZERO}, or a slot's number plus one. */
    int get(long block) {
        int[] page = pages.get((int) (block / PAGE_ENTRIES));
        return page == null ? BASE : page[(int) (block % PAGE_ENTRIES)];
    }

    void set(long block, int entry) {
        int index = (int) (block / PAGE_ENTRIES);
        int[] page = pages.get(index);
        if (page == null) {
            int[] fresh = new int[PAGE_ENTRIES];
            int[] earlier = pages.compareAndExchange(index, null, fresh);
            page = earlier == null ? fresh : earlier;
        }
        page[(int) (block % PAGE_ENTRIES)] = entry;
    }
}

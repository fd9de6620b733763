package io.backhaul.mastertarget;

/**
 * Where the pages of a run lie: the header, the leaves, then the fences of each level from the leaves up to one page, the
 * root; behind them the events. Follows from the number of leaves alone.
 */
final class RunShape {
    static final int PIECE_BYTES = 32;
    static final int PIECES_PER_LEAF = 127;
    static final int FENCE_BYTES = 16;
    static final int FENCES_PER_PAGE = 255;

    private final int[] firstPages = new int[8];
    private final int[] pageCounts = new int[8];
    private int height;

    RunShape(int leaves) {
        firstPages[0] = 1;
        pageCounts[0] = leaves;
        while (pageCounts[height] > 1) {
            firstPages[height + 1] = firstPages[height] + pageCounts[height];
            pageCounts[height + 1] = Math.ceilDiv(pageCounts[height], FENCES_PER_PAGE);
            height++;
        }
    }

    /** The level of the root; 0 where it is the only leaf, or there is none. */
    int height() {
        return height;
    }

    int firstPage(int level) {
        return firstPages[level];
    }

    int pages(int level) {
        return pageCounts[level];
    }

    /** Where the events begin. */
    long eventsOffset() {
        return (long) (firstPages[height] + pageCounts[height]) * RunHeader.PAGE_BYTES;
    }
}

package io.backhaul.engine.proof;

import io.backhaul.protocol.Limits;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the digests of one disk lie in a proof file: pages of {@link #PAGE_BYTES}, level by level. Level 0 has the digests of
 * chunks, 256 a page; each level above has the SHA-256 of every page below it, 128 a page; the last level is one page, whose
 * SHA-256 is the disk's root. What is behind the last entry of a level is zero.
 *
 * @param pages
 *            how many each level has
 * @param offsets
 *            where each level begins in the file
 */
record ProofTree(List<Long> pages, List<Long> offsets) {
    static final int PAGE_BYTES = 4096;
    /** Disks are cut into chunks of this many bytes; the last one may be shorter. */
    static final int CHUNK_BYTES = 64 << 10;
    static final int LEAVES = PAGE_BYTES / Limits.DIGEST_BYTES;
    static final int NODE_BYTES = 32;
    static final int NODES = PAGE_BYTES / NODE_BYTES;

    static ProofTree at(long offset, long diskBytes) {
        List<Long> pages = new ArrayList<>();
        List<Long> offsets = new ArrayList<>();
        long next = offset;
        long entries = chunks(diskBytes);
        int perPage = LEAVES;
        do {
            long count = ceil(entries, perPage);
            pages.add(count);
            offsets.add(next);
            next += count * PAGE_BYTES;
            entries = count;
            perPage = NODES;
        } while (entries > 1);
        return new ProofTree(pages, offsets);
    }

    static long chunks(long diskBytes) {
        return ceil(diskBytes, CHUNK_BYTES);
    }

    private static long ceil(long bytes, long unit) {
        return (bytes + unit - 1) / unit;
    }

    int top() {
        return pages.size() - 1;
    }

    long offset(int level, long page) {
        return offsets.get(level) + page * PAGE_BYTES;
    }

    /** Where the file goes on behind it. */
    long end() {
        return offset(top(), pages.getLast());
    }
}

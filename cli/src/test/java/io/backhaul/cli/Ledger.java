package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What was written to a disk, write by write: each write is a version, and puts its number and bytes of its own into each
 * block. So any image of the disk says by itself which state it is, or that it never was one.
 */
final class Ledger {
    static final int BLOCK_BYTES = 4096;
    private static final int PIECE_BLOCKS = 256;
    private static final int HEAD_BYTES = 16;
    private static final long NONE = 0;

    /** The versions that a block has had; the bytes of those that are negative are zeroes. */
    private final List<List<Long>> versions = new ArrayList<>();
    private long latest;

    Ledger(long sizeBytes) {
        for (long block = 0; block < sizeBytes / BLOCK_BYTES; block++) {
            versions.add(new ArrayList<>(List.of(NONE)));
        }
    }

    int blocks() {
        return versions.size();
    }

    /** The number of the next write. */
    synchronized long next() {
        return ++latest;
    }

    /** The last write. */
    synchronized long latest() {
        return latest;
    }

    /** A write has reached these blocks. */
    synchronized void wrote(long version, boolean zeroes, int firstBlock, int count) {
        for (int block = firstBlock; block < firstBlock + count; block++) {
            versions.get(block).add(zeroes ? -version : version);
        }
    }

    /** The bytes that a write puts into a block: half of them do not compress. */
    static void fill(ByteBuffer target, long version, long block) {
        int end = target.position() + BLOCK_BYTES;
        SplittableRandom random = new SplittableRandom(version * 1_000_003 + block);
        target.order(ByteOrder.LITTLE_ENDIAN).putLong(version).putLong(block);
        while (target.position() < end - BLOCK_BYTES / 2) {
            target.putLong(random.nextLong());
        }
        while (target.position() < end) {
            target.putLong(version ^ block);
        }
    }

    /** Whether a block holds exactly what a version put there. */
    static boolean holds(ByteBuffer block, boolean zeroes, long version, long number) {
        ByteBuffer expected = ByteBuffer.allocate(BLOCK_BYTES);
        if (!zeroes) {
            fill(expected, version, number);
        }
        return block.mismatch(expected.clear()) < 0;
    }

    /** The versions from {@code first} on, before {@code end}. */
    record Span(long first, long end) {
        boolean has(long version) {
            return first <= version && version < end;
        }
    }

    /**
     * Says after which writes the disk was as the image is.
     *
     * @throws AssertionError
     *             where it never was
     */
    List<Span> spansOf(BlockDevice image, String what) throws IOException {
        List<Span> spans = List.of(new Span(0, Long.MAX_VALUE));
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BLOCKS * BLOCK_BYTES);
        for (int first = 0; first < blocks(); first += PIECE_BLOCKS) {
            int count = Math.min(PIECE_BLOCKS, blocks() - first);
            image.read((long) first * BLOCK_BYTES, piece.clear().limit(count * BLOCK_BYTES));
            for (int i = 0; i < count; i++) {
                List<Span> narrower = common(spans, spansOf(piece.slice(i * BLOCK_BYTES, BLOCK_BYTES), first + i));
                if (narrower.isEmpty()) {
                    throw new AssertionError(
                            "%s: block %d holds version %d, of the history %s; the blocks before it are of %s"
                                    .formatted(what, first + i, version(piece.slice(i * BLOCK_BYTES, BLOCK_BYTES)),
                                            history(first + i), spans));
                }
                spans = narrower;
            }
        }
        return spans;
    }

    private static long version(ByteBuffer block) {
        return block.slice(0, HEAD_BYTES).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private synchronized List<Long> history(int block) {
        List<Long> all = versions.get(block);
        return List.copyOf(all.subList(Math.max(0, all.size() - 8), all.size()));
    }

    private synchronized List<Span> spansOf(ByteBuffer block, int number) {
        List<Long> all = versions.get(number);
        long held = version(block);
        List<Span> found = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            long each = all.get(i);
            boolean zeroes = each <= 0;
            if ((zeroes ? held == 0 : held == each) && holds(block, zeroes, each, number)) {
                found.add(new Span(Math.abs(each), i + 1 < all.size() ? Math.abs(all.get(i + 1)) : Long.MAX_VALUE));
            }
        }
        return found;
    }

    private static List<Span> common(List<Span> some, List<Span> others) {
        List<Span> both = new ArrayList<>();
        for (Span one : some) {
            for (Span other : others) {
                long first = Math.max(one.first, other.first);
                long end = Math.min(one.end, other.end);
                if (first < end) {
                    both.add(new Span(first, end));
                }
            }
        }
        return both;
    }
}

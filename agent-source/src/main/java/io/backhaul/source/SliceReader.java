package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.ContentDigest;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Zeroes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a slice of a disk and says what of it is to be sent. Has one buffer, into which the pieces point: they are valid
 * until the next slice. Owned by the reader's lane.
 */
final class SliceReader {
    /** Disks are compared, and zeroes told apart, by chunks of this many bytes. */
    static final int CHUNK_BYTES = 64 << 10;
    /** Chunks that differ are compared by blocks of this many bytes. */
    static final int BLOCK_BYTES = 4 << 10;
    /** The longest slice. */
    static final int SLICE_BYTES = 1 << 20;

    private final ByteBuffer buffer = ByteBuffer.allocateDirect(SLICE_BYTES);
    private final ContentDigest digest = new ContentDigest();

    /** What came of comparing chunks: what differs for certain, and the numbers of chunks to be compared by blocks. */
    record Comparison(List<Piece> pieces, List<Long> suspects) {}

    /** Everything, zero stretches as such. */
    List<Piece> all(BlockDevice device, DirtyMap.Stretch slice) throws IOException {
        int length = (int) slice.lengthBytes();
        device.readHolding(slice.offset(), buffer.slice(0, length));
        List<Piece> pieces = new ArrayList<>();
        for (int at = 0; at < length; at += CHUNK_BYTES) {
            int chunk = Math.min(CHUNK_BYTES, length - at);
            add(pieces, slice.offset() + at, at, chunk, Zeroes.isZero(buffer.slice(at, chunk)));
        }
        return pieces;
    }

    /**
     * Compares a slice chunk by chunk. Where one side is all zero, what is not zero there is sent at once, or that all is.
     *
     * @param firstDigest
     *            the digest of the slice's first chunk
     */
    Comparison compare(BlockDevice device, DirtyMap.Stretch slice, Digests digests, int firstDigest)
            throws IOException {
        int length = (int) slice.lengthBytes();
        device.readHolding(slice.offset(), buffer.slice(0, length));
        List<Piece> pieces = new ArrayList<>();
        List<Long> suspects = new ArrayList<>();
        for (int at = 0; at < length; at += CHUNK_BYTES) {
            ByteBuffer chunk = buffer.slice(at, Math.min(CHUNK_BYTES, length - at));
            ByteBuffer theirs = digest(digests, firstDigest + at / CHUNK_BYTES);
            if (theirs.equals(ContentDigest.OF_ZEROES)) {
                addHolding(pieces, slice.offset(), at, chunk.remaining());
            } else if (Zeroes.isZero(chunk)) {
                add(pieces, slice.offset() + at, at, chunk.remaining(), true);
            } else if (!theirs.equals(digest.of(chunk))) {
                suspects.add((slice.offset() + at) / CHUNK_BYTES);
            }
        }
        return new Comparison(pieces, suspects);
    }

    /**
     * What differs of blocks.
     *
     * @param runs
     *            of blocks, all within {@link #SLICE_BYTES} from the first on
     * @param firstDigest
     *            the digest of the first block
     */
    List<Piece> differing(BlockDevice device, List<DigestRequest.Run> runs, Digests digests, int firstDigest)
            throws IOException {
        long start = runs.getFirst().first() * BLOCK_BYTES;
        List<Piece> pieces = new ArrayList<>();
        int index = firstDigest;
        for (DigestRequest.Run run : runs) {
            long from = run.first() * BLOCK_BYTES;
            long to = Math.min(run.end() * BLOCK_BYTES, device.sizeBytes());
            device.readHolding(from, buffer.slice((int) (from - start), (int) (to - from)));
            for (long at = from; at < to; at += BLOCK_BYTES, index++) {
                int inBuffer = (int) (at - start);
                ByteBuffer block = buffer.slice(inBuffer, (int) Math.min(BLOCK_BYTES, to - at));
                ByteBuffer ours = digest.of(block);
                if (!digest(digests, index).equals(ours)) {
                    add(pieces, at, inBuffer, block.remaining(), ours.equals(ContentDigest.OF_ZEROES));
                }
            }
        }
        return pieces;
    }

    private static ByteBuffer digest(Digests digests, int index) {
        if (digests.status() == Digests.Status.ALL_ZERO) {
            return ContentDigest.OF_ZEROES;
        }
        ByteBuffer all = digests.digests();
        return all.slice(all.position() + index * Limits.DIGEST_BYTES, Limits.DIGEST_BYTES);
    }

    /** Adds what is not zero of a chunk that the other side holds as all zero. */
    private void addHolding(List<Piece> pieces, long start, int from, int length) {
        for (int at = from; at < from + length; at += BLOCK_BYTES) {
            int block = Math.min(BLOCK_BYTES, from + length - at);
            if (!Zeroes.isZero(buffer.slice(at, block))) {
                add(pieces, start + at, at, block, false);
            }
        }
    }

    /** Adds a stretch, to the piece before it where the two are alike. */
    private void add(List<Piece> pieces, long offset, int at, int length, boolean zero) {
        Piece last = pieces.isEmpty() ? null : pieces.getLast();
        if (last != null && last.end() == offset && (last.data() == null) == zero) {
            pieces.removeLast();
            long merged = last.lengthBytes() + length;
            int start = at - (int) last.lengthBytes();
            pieces.add(new Piece(last.offset(), merged, zero ? null : buffer.slice(start, (int) merged)));
        } else {
            pieces.add(new Piece(offset, length, zero ? null : buffer.slice(at, length)));
        }
    }
}

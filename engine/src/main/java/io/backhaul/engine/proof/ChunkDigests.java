package io.backhaul.engine.proof;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.ContentDigest;
import io.backhaul.protocol.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Reads a disk and digests it, chunk by chunk. Has one buffer; used by one thread at a time. */
public final class ChunkDigests {
    /** What has a digest of its own. */
    public static final int CHUNK_BYTES = ProofTree.CHUNK_BYTES;
    /** The most that is read at once. */
    public static final int SLICE_BYTES = 1 << 20;

    private static final ByteBuffer UNPROVED = ones();

    private final ByteBuffer buffer = ByteBuffer.allocateDirect(SLICE_BYTES);
    private final ContentDigest digest = new ContentDigest();

    private static ByteBuffer ones() {
        ByteBuffer ones = ByteBuffer.allocate(Limits.DIGEST_BYTES);
        while (ones.hasRemaining()) {
            ones.put((byte) -1);
        }
        return ones.flip().asReadOnlyBuffer();
    }

    /** What stands in the place of a digest where nobody knows it. */
    public static ByteBuffer unproved() {
        return UNPROVED.duplicate();
    }

    /**
     * The digests of a slice, one behind the other.
     *
     * @param offset
     *            a multiple of {@link #CHUNK_BYTES}
     * @param lengthBytes
     *            at most {@link #SLICE_BYTES}; a multiple as well, but at the disk's end
     */
    public ByteBuffer of(BlockDevice device, long offset, int lengthBytes) throws IOException {
        device.readHolding(offset, buffer.slice(0, lengthBytes));
        ByteBuffer digests = ByteBuffer.allocate((lengthBytes + CHUNK_BYTES - 1) / CHUNK_BYTES * Limits.DIGEST_BYTES);
        for (int at = 0; at < lengthBytes; at += CHUNK_BYTES) {
            digests.put(digest.of(buffer.slice(at, Math.min(CHUNK_BYTES, lengthBytes - at))));
        }
        return digests.flip();
    }
}

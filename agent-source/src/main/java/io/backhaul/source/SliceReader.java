package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads a slice of a disk and says what of it is to be sent. Has one buffer, into which the pieces point: they are valid
 * until the next slice. Owned by the reader's lane.
 */
final class SliceReader {
    /** Digests and zeroes are told apart by chunks of this many bytes. */
    static final int CHUNK_BYTES = 64 << 10;
    /** The longest slice. */
    static final int SLICE_BYTES = 1 << 20;
    private static final byte[] ZERO_DIGEST = new byte[Limits.DIGEST_BYTES];

    private final ByteBuffer buffer = ByteBuffer.allocateDirect(SLICE_BYTES);
    private final MessageDigest sha256;

    SliceReader() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every JDK has SHA-256", impossible);
        }
    }

    /** Everything, zero stretches as such. */
    List<Piece> all(BlockDevice device, DirtyMap.Stretch slice) throws IOException {
        return read(device, slice, null, 0);
    }

    /**
     * What differs from the digests.
     *
     * @param firstDigest
     *            the digest of the slice's first chunk
     */
    List<Piece> differing(BlockDevice device, DirtyMap.Stretch slice, Digests digests, int firstDigest)
            throws IOException {
        return read(device, slice, digests, firstDigest);
    }

    /** How many bytes from {@code offset} on are known to be zero without reading. */
    long zeroRun(BlockDevice device, long offset, long lengthBytes) throws IOException {
        long[] end = {offset, 0};
        device.extents(offset, lengthBytes, (at, length, zero) -> {
            if (zero && end[1] == 0) {
                end[0] = at + length;
            } else {
                end[1] = 1;
            }
        });
        return end[0] - offset;
    }

    private List<Piece> read(BlockDevice device, DirtyMap.Stretch slice, @Nullable Digests digests, int firstDigest)
            throws IOException {
        int length = (int) slice.lengthBytes();
        device.extents(slice.offset(), length, (at, run, zero) -> {
            int from = (int) (at - slice.offset());
            if (zero) {
                clear(from, (int) run);
            } else {
                device.read(at, buffer.slice(from, (int) run));
            }
        });
        List<Piece> pieces = new ArrayList<>();
        for (int at = 0; at < length; at += CHUNK_BYTES) {
            ByteBuffer chunk = buffer.slice(at, Math.min(CHUNK_BYTES, length - at));
            boolean zero = Zeroes.isZero(chunk);
            if (digests == null || !isSame(chunk, zero, digests, firstDigest + at / CHUNK_BYTES)) {
                add(pieces, slice.offset() + at, at, chunk.remaining(), zero);
            }
        }
        return pieces;
    }

    private void clear(int from, int length) {
        ByteBuffer part = buffer.slice(from, length);
        while (part.remaining() >= Long.BYTES) {
            part.putLong(0);
        }
        while (part.hasRemaining()) {
            part.put((byte) 0);
        }
    }

    private boolean isSame(ByteBuffer chunk, boolean zero, Digests digests, int index) {
        if (digests.status() == Digests.Status.ALL_ZERO) {
            return zero;
        }
        byte[] ours = ZERO_DIGEST;
        if (!zero) {
            sha256.update(chunk.duplicate());
            ours = sha256.digest();
        }
        int at = index * Limits.DIGEST_BYTES;
        ByteBuffer theirs = digests.digests();
        return ByteBuffer.wrap(ours, 0, Limits.DIGEST_BYTES)
                .equals(theirs.slice(theirs.position() + at, Limits.DIGEST_BYTES));
    }

    /** Adds a chunk, to the piece before it where the two are alike. */
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

package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.log.StoreException;
import io.backhaul.protocol.ContentDigest;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.UUID;

/** Computes the answer to a {@link DigestRequest} by reading a disk; what is a hole is not read. Blocks. */
final class ChunkDigests {
    /** What stands for a chunk that is damaged here: no content has it, so that the source sends it. */
    private static final byte NOTHING = (byte) 0xff;

    /** Reads bytes of a disk. */
    interface Reader {
        void read(long offset, ByteBuffer target) throws IOException;

        void extents(long offset, long lengthBytes, BlockDevice.ExtentVisitor visitor) throws IOException;
    }

    private final Reader disk;
    private final UUID replica;
    private final DigestRequest request;
    private final ByteBuffer chunk;
    private final long sizeBytes;
    private final ContentDigest digest = new ContentDigest();

    private ChunkDigests(Reader disk, UUID replica, long sizeBytes, DigestRequest request) {
        this.disk = disk;
        this.replica = replica;
        this.request = request;
        this.sizeBytes = sizeBytes;
        this.chunk = ByteBuffer.allocate(request.chunkBytes());
    }

    /** Whether all chunks asked for begin inside the disk. */
    static boolean isInside(DigestRequest request, long sizeBytes) {
        return request.runs().stream().allMatch(run -> (run.end() - 1) * request.chunkBytes() < sizeBytes);
    }

    static Digests answer(Reader disk, UUID replica, long sizeBytes, DigestRequest request) throws IOException {
        return new ChunkDigests(disk, replica, sizeBytes, request).answer();
    }

    private Digests answer() throws IOException {
        byte[] digests = new byte[request.chunks() * Limits.DIGEST_BYTES];
        boolean allZero = true;
        int index = 0;
        for (DigestRequest.Run run : request.runs()) {
            boolean[] holds = holding(run);
            for (int i = 0; i < run.chunks(); i++, index++) {
                if (holds[i]) {
                    allZero &= !digest(run.first() + i, index, digests);
                }
            }
        }
        return allZero ? Digests.allZero(request, replica)
                : Digests.some(request, replica, ByteBuffer.wrap(digests));
    }

    /** Which chunks of a run are not holes. */
    private boolean[] holding(DigestRequest.Run run) throws IOException {
        boolean[] holds = new boolean[run.chunks()];
        long start = run.first() * request.chunkBytes();
        long end = Math.min(sizeBytes, run.end() * request.chunkBytes());
        disk.extents(start, end - start, (offset, lengthBytes, zero) -> {
            if (!zero && lengthBytes > 0) {
                int first = (int) ((offset - start) / request.chunkBytes());
                int last = (int) ((offset + lengthBytes - 1 - start) / request.chunkBytes());
                Arrays.fill(holds, first, last + 1, true);
            }
        });
        return holds;
    }

    /** Puts one chunk's digest in its place; false where the chunk is all zero and its digest stays so. */
    private boolean digest(long number, int index, byte[] digests) throws IOException {
        long offset = number * request.chunkBytes();
        int length = (int) Math.min(request.chunkBytes(), sizeBytes - offset);
        try {
            disk.read(offset, chunk.clear().limit(length));
        } catch (StoreException failed) {
            if (failed.kind() != StoreException.Kind.CORRUPT) {
                throw failed;
            }
            Arrays.fill(digests, index * Limits.DIGEST_BYTES, (index + 1) * Limits.DIGEST_BYTES, NOTHING);
            return true;
        }
        ByteBuffer found = digest.of(chunk.flip());
        if (found.equals(ContentDigest.OF_ZEROES)) {
            return false;
        }
        found.get(digests, index * Limits.DIGEST_BYTES, Limits.DIGEST_BYTES);
        return true;
    }
}

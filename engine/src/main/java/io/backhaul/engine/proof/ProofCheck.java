package io.backhaul.engine.proof;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.ContentDigest;
import io.backhaul.protocol.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Compares a disk with what a proof says of it. */
public final class ProofCheck {
    /** So much may be known to be zero without reading, and be compared at once. */
    private static final long RUN_BYTES = 1L << 30;

    private final ProofReader proof;
    private final int disk;
    private final BlockDevice device;
    private final ChunkDigests digests = new ChunkDigests();
    private final NamedExtents differing = new NamedExtents();
    private long provedBytes;
    private long unprovedBytes;

    private ProofCheck(ProofReader proof, int disk, BlockDevice device) {
        this.proof = proof;
        this.disk = disk;
        this.device = device;
    }

    /** Is told how far it is. */
    public interface Progress {
        void at(long doneBytes, long totalBytes);
    }

    /**
     * What came of it.
     *
     * @param provedBytes
     *            that are as the source recorded them
     * @param unprovedBytes
     *            that the proof says nothing of
     * @param differing
     *            the first extents that differ, in whole chunks but for the disk's end
     */
    public record Result(ProofDisk disk, long provedBytes, long unprovedBytes, long differingBytes,
            List<NamedExtents.Extent> differing) {
        public boolean isProved() {
            return differingBytes == 0;
        }
    }

    /**
     * Compares.
     *
     * @param disk
     *            which of the proof's disks it ought to be
     * @throws ProofException
     *             where the proof turns out to be damaged
     */
    public static Result of(ProofReader proof, int disk, BlockDevice device, Progress progress) throws IOException {
        return new ProofCheck(proof, disk, device).run(progress);
    }

    private Result run(Progress progress) throws IOException {
        ProofDisk said = proof.header().disks().get(disk);
        long size = said.info().sizeBytes();
        // Where sizes differ, the last chunk of the shorter one is compared as far as that reaches only if both end there.
        long common = Math.min(size, device.sizeBytes());
        long whole = size == device.sizeBytes() ? size : common / ProofTree.CHUNK_BYTES * ProofTree.CHUNK_BYTES;
        long attempt = ChunkDigests.SLICE_BYTES;
        for (long offset = 0; offset < whole;) {
            long zero = wholeChunks(device.zeroRun(offset, Math.min(attempt, whole - offset)), offset,
                    whole);
            if (zero > 0) {
                compareZeroes(offset, zero);
                offset += zero;
                attempt = Math.min(attempt * 8, RUN_BYTES);
            } else {
                int length = (int) Math.min(ChunkDigests.SLICE_BYTES, whole - offset);
                compare(offset, digests.of(device, offset, length), length);
                offset += length;
                attempt = ChunkDigests.SLICE_BYTES;
            }
            progress.at(offset, size);
        }
        long longest = Math.max(size, device.sizeBytes());
        if (whole < longest) {
            differing.add(whole, longest - whole);
        }
        return new Result(said, provedBytes, unprovedBytes, differing.bytes(), differing.named());
    }

    private static long wholeChunks(long bytes, long offset, long end) {
        return offset + bytes == end ? bytes : bytes / ProofTree.CHUNK_BYTES * ProofTree.CHUNK_BYTES;
    }

    private void compareZeroes(long offset, long lengthBytes) throws IOException {
        for (long at = offset; at < offset + lengthBytes; at += ProofTree.CHUNK_BYTES) {
            compareChunk(at, ContentDigest.OF_ZEROES, Math.min(ProofTree.CHUNK_BYTES, offset + lengthBytes - at));
        }
    }

    private void compare(long offset, ByteBuffer ours, int length) throws IOException {
        for (int at = 0; at < length; at += ProofTree.CHUNK_BYTES) {
            compareChunk(offset + at, ours.slice(at / ProofTree.CHUNK_BYTES * Limits.DIGEST_BYTES, Limits.DIGEST_BYTES),
                    Math.min(ProofTree.CHUNK_BYTES, length - at));
        }
    }

    private void compareChunk(long offset, ByteBuffer ours, long lengthBytes) throws IOException {
        ByteBuffer recorded = proof.digest(disk, offset / ProofTree.CHUNK_BYTES);
        if (recorded.equals(ChunkDigests.unproved())) {
            unprovedBytes += lengthBytes;
        } else if (recorded.equals(ours)) {
            provedBytes += lengthBytes;
        } else {
            differing.add(offset, lengthBytes);
        }
    }
}

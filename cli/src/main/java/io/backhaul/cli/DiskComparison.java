package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.proof.NamedExtents;
import io.backhaul.protocol.ContentDigest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;

/** Compares two disks byte for byte, and names the first extents that differ. */
final class DiskComparison {
    private static final int PIECE_BYTES = 1 << 20;
    private static final int BLOCK_BYTES = 4096;

    private final NamedExtents differing = new NamedExtents();
    private long sizeBytes;
    private String leftDigest = "";
    private String rightDigest = "";

    private DiskComparison() {}

    static DiskComparison of(BlockDevice left, BlockDevice right, DiskCopy.Progress progress) throws IOException {
        var comparison = new DiskComparison();
        comparison.run(left, right, progress);
        return comparison;
    }

    private void run(BlockDevice left, BlockDevice right, DiskCopy.Progress progress) throws IOException {
        sizeBytes = Math.max(left.sizeBytes(), right.sizeBytes());
        long common = Math.min(left.sizeBytes(), right.sizeBytes());
        MessageDigest leftSum = ContentDigest.sha256();
        MessageDigest rightSum = ContentDigest.sha256();
        ByteBuffer leftPiece = ByteBuffer.allocate(PIECE_BYTES);
        ByteBuffer rightPiece = ByteBuffer.allocate(PIECE_BYTES);
        for (long offset = 0; offset < common; offset += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, common - offset);
            left.read(offset, leftPiece.clear().limit(length));
            right.read(offset, rightPiece.clear().limit(length));
            leftSum.update(leftPiece.array(), 0, length);
            rightSum.update(rightPiece.array(), 0, length);
            blocks(leftPiece.flip(), rightPiece.flip(), offset, differing::add);
            progress.at(offset + length, sizeBytes);
        }
        if (common < sizeBytes) {
            differing.add(common, sizeBytes - common);
        }
        leftDigest = HexFormat.of().formatHex(leftSum.digest());
        rightDigest = HexFormat.of().formatHex(rightSum.digest());
    }

    /** Is told a range that differs. */
    @FunctionalInterface
    interface Differing {
        void range(long offset, long lengthBytes) throws IOException;
    }

    /** Names every block of 4 KiB that differs between two disks of one size. */
    static void differing(BlockDevice left, BlockDevice right, Differing differing) throws IOException {
        ByteBuffer leftPiece = ByteBuffer.allocate(PIECE_BYTES);
        ByteBuffer rightPiece = ByteBuffer.allocate(PIECE_BYTES);
        for (long offset = 0; offset < left.sizeBytes(); offset += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, left.sizeBytes() - offset);
            left.read(offset, leftPiece.clear().limit(length));
            right.read(offset, rightPiece.clear().limit(length));
            blocks(leftPiece.flip(), rightPiece.flip(), offset, differing);
        }
    }

    private static void blocks(ByteBuffer left, ByteBuffer right, long offset, Differing differing)
            throws IOException {
        if (left.mismatch(right) < 0) {
            return;
        }
        for (int start = 0; start < left.limit(); start += BLOCK_BYTES) {
            int length = Math.min(BLOCK_BYTES, left.limit() - start);
            if (left.slice(start, length).mismatch(right.slice(start, length)) >= 0) {
                differing.range(offset + start, length);
            }
        }
    }

    boolean isIdentical() {
        return differing.bytes() == 0;
    }

    long differingBytes() {
        return differing.bytes();
    }

    long sizeBytes() {
        return sizeBytes;
    }

    /** The first ranges that differ, in whole blocks of 4 KiB. */
    List<NamedExtents.Extent> named() {
        return differing.named();
    }

    /** SHA-256 of the left disk, as far as the shorter one reaches. */
    String leftDigest() {
        return leftDigest;
    }

    String rightDigest() {
        return rightDigest;
    }
}

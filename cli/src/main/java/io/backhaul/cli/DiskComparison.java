package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Compares two disks byte for byte, and names the first extents that differ. */
final class DiskComparison {
    /** So many differing extents are named; the others are counted. */
    static final int MAX_NAMED = 16;
    private static final int PIECE_BYTES = 1 << 20;
    private static final int BLOCK_BYTES = 4096;

    private final List<Extent> named = new ArrayList<>();
    private long differingBytes;
    private long sizeBytes;
    private String leftDigest = "";
    private String rightDigest = "";

    private DiskComparison() {}

    /** A range that differs, in whole blocks of 4 KiB. */
    record Extent(long offset, long lengthBytes) {}

    static DiskComparison of(BlockDevice left, BlockDevice right, DiskCopy.Progress progress) throws IOException {
        var comparison = new DiskComparison();
        comparison.run(left, right, progress);
        return comparison;
    }

    private void run(BlockDevice left, BlockDevice right, DiskCopy.Progress progress) throws IOException {
        sizeBytes = Math.max(left.sizeBytes(), right.sizeBytes());
        long common = Math.min(left.sizeBytes(), right.sizeBytes());
        MessageDigest leftSum = sha256();
        MessageDigest rightSum = sha256();
        ByteBuffer leftPiece = ByteBuffer.allocate(PIECE_BYTES);
        ByteBuffer rightPiece = ByteBuffer.allocate(PIECE_BYTES);
        for (long offset = 0; offset < common; offset += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, common - offset);
            left.read(offset, leftPiece.clear().limit(length));
            right.read(offset, rightPiece.clear().limit(length));
            leftSum.update(leftPiece.array(), 0, length);
            rightSum.update(rightPiece.array(), 0, length);
            blocks(leftPiece.flip(), rightPiece.flip(), offset, this::note);
            progress.at(offset + length, sizeBytes);
        }
        if (common < sizeBytes) {
            note(common, sizeBytes - common);
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

    private void note(long offset, long lengthBytes) {
        differingBytes += lengthBytes;
        Extent last = named.isEmpty() ? null : named.getLast();
        if (last != null && last.offset + last.lengthBytes == offset) {
            named.set(named.size() - 1, new Extent(last.offset, last.lengthBytes + lengthBytes));
        } else if (named.size() < MAX_NAMED) {
            named.add(new Extent(offset, lengthBytes));
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException everyJdkHasIt) {
            throw new IllegalStateException(everyJdkHasIt);
        }
    }

    boolean isIdentical() {
        return differingBytes == 0;
    }

    long differingBytes() {
        return differingBytes;
    }

    long sizeBytes() {
        return sizeBytes;
    }

    List<Extent> named() {
        return List.copyOf(named);
    }

    /** SHA-256 of the left disk, as far as the shorter one reaches. */
    String leftDigest() {
        return leftDigest;
    }

    String rightDigest() {
        return rightDigest;
    }
}

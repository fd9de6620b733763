package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.vmdk.FlatVmdk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** Copies a disk to a new file; what reads as zero takes no space there. */
final class DiskCopy {
    private static final int PIECE_BYTES = 1 << 20;
    private static final int BLOCK_BYTES = 64 << 10;
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(BLOCK_BYTES).asReadOnlyBuffer();

    private DiskCopy() {}

    /** Is told how far it is. */
    @FunctionalInterface
    interface Progress {
        void at(long doneBytes, long totalBytes);
    }

    /** Copies to a file that does not exist yet, durably, and answers how many bytes were not zero. */
    static long copy(BlockDevice source, Path target, Progress progress) throws IOException {
        try (BlockDevice made = create(target, source.sizeBytes())) {
            long copiedBytes = fill(source, made, progress);
            made.flush();
            return copiedBytes;
        }
    }

    private static BlockDevice create(Path target, long sizeBytes) throws IOException {
        return target.toString().endsWith(".vmdk")
                ? FlatVmdk.create(target, sizeBytes)
                : RawDevice.create(target, sizeBytes);
    }

    private static long fill(BlockDevice source, BlockDevice target, Progress progress) throws IOException {
        ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
        long total = source.sizeBytes();
        long[] copied = {0};
        source.extents(0, total, (offset, length, zero) -> {
            for (long next = offset; next < offset + length && !zero; next += piece.capacity()) {
                piece.clear().limit((int) Math.min(piece.capacity(), offset + length - next));
                source.read(next, piece);
                copied[0] += written(target, next, piece.flip());
                progress.at(next, total);
            }
        });
        progress.at(total, total);
        return copied[0];
    }

    private static long written(BlockDevice target, long offset, ByteBuffer piece) throws IOException {
        long written = 0;
        for (int start = 0; start < piece.limit(); start += BLOCK_BYTES) {
            ByteBuffer block = piece.slice(start, Math.min(BLOCK_BYTES, piece.limit() - start));
            if (!block.equals(ZEROES.slice(0, block.remaining()))) {
                written += block.remaining();
                target.write(offset + start, block);
            }
        }
        return written;
    }
}

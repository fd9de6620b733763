package io.backhaul.source;

import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stretch that was read from a disk and is to be sent.
 *
 * @param data
 *            its bytes; null where it is all zero
 */
record Piece(long offset, long lengthBytes, @Nullable ByteBuffer data) {
    long end() {
        return offset + lengthBytes;
    }

    /** The part from {@code from} to {@code to}, both in the disk. */
    Piece part(long from, long to) {
        ByteBuffer some = data == null
                ? null
                : data.slice(data.position() + (int) (from - offset), (int) (to - from));
        return new Piece(from, to - from, some);
    }

    /** These pieces of a disk as records. */
    static WriteBatchBuilder batch(ByteBufAllocator allocator, int disk, List<Piece> pieces) {
        int bytes = pieces.stream().mapToInt(piece -> piece.data == null ? 0 : (int) piece.lengthBytes).sum();
        WriteBatchBuilder builder = new WriteBatchBuilder(allocator, bytes);
        for (Piece piece : pieces) {
            ByteBuffer data = piece.data;
            if (data == null) {
                builder.zero(disk, piece.offset, (int) piece.lengthBytes);
            } else {
                builder.data(disk, piece.offset, data.duplicate());
            }
        }
        return builder;
    }
}

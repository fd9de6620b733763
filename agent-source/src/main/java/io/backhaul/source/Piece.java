package io.backhaul.source;

import java.nio.ByteBuffer;
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
}

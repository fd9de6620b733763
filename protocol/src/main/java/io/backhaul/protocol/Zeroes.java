package io.backhaul.protocol;

import java.nio.ByteBuffer;

/** Bytes that are all zero. */
public final class Zeroes {
    private static final ByteBuffer BLOCK = ByteBuffer.allocateDirect(64 << 10).asReadOnlyBuffer();

    private Zeroes() {}

    /** Makes all remaining bytes zero. */
    public static void fill(ByteBuffer data) {
        while (data.hasRemaining()) {
            data.put(BLOCK.slice(0, Math.min(BLOCK.capacity(), data.remaining())));
        }
    }

    /** Whether all remaining bytes are zero; data ends the comparison at its first other byte. */
    public static boolean isZero(ByteBuffer data) {
        int position = data.position();
        int end = data.limit();
        while (position < end) {
            int length = Math.min(BLOCK.capacity(), end - position);
            if (data.slice(position, length).mismatch(BLOCK.slice(0, length)) >= 0) {
                return false;
            }
            position += length;
        }
        return true;
    }
}

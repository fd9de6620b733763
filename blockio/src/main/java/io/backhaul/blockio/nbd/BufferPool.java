package io.backhaul.blockio.nbd;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Direct buffers in sizes of powers of two, each with a little room more for reply headers. What is given back is kept up
 * to a limit. How much is out at once is bounded by who borrows, see {@link InFlight}.
 */
final class BufferPool {
    /** Room for headers beyond the power of two. */
    static final int HEADER_ROOM_BYTES = 64;
    private static final int SMALLEST_BITS = 12;
    private static final int LARGEST_BITS = 25;

    private final ArrayDeque<ByteBuffer>[] free;
    private final AtomicLong kept = new AtomicLong();
    private final long keptLimitBytes;

    @SuppressWarnings({"unchecked", "rawtypes"})
    BufferPool(long keptLimitBytes) {
        this.keptLimitBytes = keptLimitBytes;
        this.free = new ArrayDeque[LARGEST_BITS - SMALLEST_BITS + 1];
        for (int index = 0; index < free.length; index++) {
            free[index] = new ArrayDeque<>();
        }
    }

    /** What {@link #borrow} would take from memory for a payload of that size. */
    static int footprintBytes(int payloadBytes) {
        return 1 << bits(payloadBytes);
    }

    /** An empty buffer with room for the payload and {@link #HEADER_ROOM_BYTES} more. */
    ByteBuffer borrow(int payloadBytes) {
        int bits = bits(payloadBytes);
        ArrayDeque<ByteBuffer> shelf = free[bits - SMALLEST_BITS];
        ByteBuffer buffer;
        synchronized (shelf) {
            buffer = shelf.pollLast();
        }
        if (buffer == null) {
            return ByteBuffer.allocateDirect((1 << bits) + HEADER_ROOM_BYTES);
        }
        kept.addAndGet(-buffer.capacity());
        return buffer.clear();
    }

    /** Gives a buffer back, once. */
    void giveBack(ByteBuffer buffer) {
        if (kept.addAndGet(buffer.capacity()) > keptLimitBytes) {
            kept.addAndGet(-buffer.capacity());
            return;
        }
        ArrayDeque<ByteBuffer> shelf = free[bits(buffer.capacity() - HEADER_ROOM_BYTES) - SMALLEST_BITS];
        synchronized (shelf) {
            shelf.addLast(buffer);
        }
    }

    private static int bits(int payloadBytes) {
        if (payloadBytes > 1 << LARGEST_BITS) {
            throw new IllegalArgumentException("no buffer has " + payloadBytes + " bytes");
        }
        return Math.max(SMALLEST_BITS, Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(1, payloadBytes) - 1));
    }
}

package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.UUID;

/**
 * Collects writes and closes them into one WRITES frame. Owned by one thread. The table grows in a buffer of its own and
 * the payload in another, so that the payload can be compressed straight into the frame.
 *
 * <p>
 * {@link #close} may be called once; {@link #discard} releases what was collected instead.
 */
public final class WriteBatchBuilder {
    private final ByteBufAllocator allocator;
    private final ByteBuf table;
    private final ByteBuf payload;
    private int records;

    /**
     * @param expectedPayloadBytes
     *            how much room to take at first
     */
    public WriteBatchBuilder(ByteBufAllocator allocator, int expectedPayloadBytes) {
        this.allocator = allocator;
        this.table = allocator.directBuffer(64 * WriteBatch.RECORD_BYTES, Limits.MAX_RECORDS * WriteBatch.RECORD_BYTES);
        this.payload = allocator.directBuffer(Math.max(256, expectedPayloadBytes), Limits.MAX_PLAIN_PAYLOAD_BYTES);
    }

    /** Squeezes a payload; the protocol knows LZ4's block format, and leaves the choice of a library to others. */
    @FunctionalInterface
    public interface Compressor {
        /**
         * Compresses {@code plain} into {@code target} if it fits there.
         *
         * @return bytes written, or a negative number where the result is not smaller than {@code target} allows
         */
        int compress(ByteBuffer plain, ByteBuffer target);
    }

    /** Whether one more record with {@code dataBytes} of payload fits into the frame. */
    public boolean hasRoomFor(int dataBytes) {
        int nextRecords = records + 1;
        return nextRecords <= Limits.MAX_RECORDS && payload.writerIndex() + dataBytes <= Limits.MAX_PLAIN_PAYLOAD_BYTES
                && nextRecords * WriteBatch.RECORD_BYTES + payload.writerIndex()
                        + dataBytes <= Limits.MAX_WRITES_BODY_BYTES;
    }

    /** Adds a write; takes all that remains in {@code data}. */
    public void data(int disk, long offset, ByteBuffer data) {
        if (!data.hasRemaining() || data.remaining() > Limits.MAX_DATA_EXTENT_BYTES || !hasRoomFor(data.remaining())) {
            throw new IllegalArgumentException("write of " + data.remaining() + " bytes");
        }
        record(disk, offset, data.remaining(), WriteBatch.KIND_DATA);
        payload.writeBytes(data);
    }

    /** Adds a stretch that reads as zeroes. */
    public void zero(int disk, long offset, int lengthBytes) {
        if (lengthBytes <= 0 || lengthBytes > Limits.MAX_ZERO_EXTENT_BYTES || !hasRoomFor(0)) {
            throw new IllegalArgumentException("zero extent of " + lengthBytes + " bytes");
        }
        record(disk, offset, lengthBytes, WriteBatch.KIND_ZERO);
    }

    private void record(int disk, long offset, int lengthBytes, int kind) {
        if (disk < 0 || disk >= Limits.MAX_DISKS || offset < 0 || offset > Long.MAX_VALUE - lengthBytes) {
            throw new IllegalArgumentException(lengthBytes + " bytes at " + offset + " of disk " + disk);
        }
        table.writeLongLE(offset).writeIntLE(lengthBytes).writeShortLE(disk).writeByte(kind).writeByte(0);
        records++;
    }

    public int records() {
        return records;
    }

    /** Bytes of payload collected so far. */
    public int payloadBytes() {
        return payload.writerIndex();
    }

    /** What the batch is, beside its records. */
    public record Heading(UUID machine, Position first, long timeMicros, boolean reconciled) {}

    /** Closes the batch into a frame with the payload as it is. */
    public Frame close(Heading heading) {
        return close(heading, (plain, target) -> -1);
    }

    /** Closes the batch into a frame, compressed where that makes it smaller. */
    public Frame close(Heading heading, Compressor compressor) {
        int plainLength = payload.readableBytes();
        int flags = heading.reconciled() ? FrameHeader.FLAG_RECONCILED : 0;
        ByteBuf frame = allocator.directBuffer(FrameHeader.LENGTH_BYTES + table.readableBytes() + plainLength);
        boolean filled = false;
        try {
            frame.writeZero(FrameHeader.LENGTH_BYTES).writeBytes(table);
            if (squeeze(frame, compressor)) {
                flags |= FrameHeader.FLAG_LZ4;
            } else {
                frame.writeBytes(payload);
            }
            filled = true;
        } finally {
            discard();
            if (!filled) {
                frame.release();
            }
        }
        return Frame.seal(frame, new FrameHeader.Fields(FrameType.WRITES, flags, records, heading.machine(),
                heading.first(), heading.timeMicros(), plainLength));
    }

    /** Appends the compressed payload, if there is room for it in one byte less than it has now. */
    private boolean squeeze(ByteBuf frame, Compressor compressor) {
        int plainLength = payload.readableBytes();
        if (plainLength < 2) {
            return false;
        }
        int length = compressor.compress(payload.nioBuffer(), frame.nioBuffer(frame.writerIndex(), plainLength - 1));
        boolean isSmaller = length > 0 && length < plainLength;
        if (isSmaller) {
            frame.writerIndex(frame.writerIndex() + length);
        }
        return isSmaller;
    }

    /** Releases what was collected. */
    public void discard() {
        table.release();
        payload.release();
    }
}

package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;

/**
 * Reads the table of a WRITES frame. The body is the table, then the payload. A record of the table:
 *
 * <pre>
 *   0                        8          12      14   15
 *  +------------------------+----------+-------+----+----+
 *  | offset in the disk     | length   | disk  |kind| 0  |
 *  +------------------------+----------+-------+----+----+ 16
 * </pre>
 *
 * The payload holds the bytes of the data records in the order of the table, without gaps; zero records have none. With
 * {@link FrameHeader#FLAG_LZ4} the payload is one LZ4 block (block format) that expands to the header's plain length;
 * without it it is as long as that. The table is never compressed, so that a frame can be indexed without expanding it.
 * Record {@code i} has the sequence {@code first + i}.
 *
 * <p>
 * A flyweight: it looks at the frame it was given and is valid as long as that frame is.
 */
public final class WriteBatch {
    /** Bytes of one record of the table. */
    public static final int RECORD_BYTES = 16;
    /** Kind of a record whose bytes are in the payload. */
    public static final int KIND_DATA = 1;
    /** Kind of a record whose stretch reads as zeroes. */
    public static final int KIND_ZERO = 2;

    static final int DISK_OFFSET_OFFSET = 0;
    static final int LENGTH_OFFSET = 8;
    static final int DISK_OFFSET = 12;
    static final int KIND_OFFSET = 14;
    static final int RESERVED_OFFSET = 15;

    private final Frame frame;
    private final ByteBuf bytes;
    private final int tableStart;
    private final int records;

    private WriteBatch(Frame frame) {
        this.frame = frame;
        this.bytes = frame.bytes();
        this.tableStart = bytes.readerIndex() + FrameHeader.LENGTH_BYTES;
        this.records = frame.records();
    }

    /**
     * Opens a frame and checks every record, so that what the accessors say can be used without further checks.
     *
     * @throws MalformedBodyException
     *             where the table contradicts itself, the header or the limits
     */
    public static WriteBatch open(Frame frame) throws MalformedBodyException {
        if (frame.type() != FrameType.WRITES) {
            throw new MalformedBodyException(frame.type() + " where WRITES was to be read");
        }
        WriteBatch batch = new WriteBatch(frame);
        batch.check();
        return batch;
    }

    private void check() throws MalformedBodyException {
        long plain = 0;
        for (int i = 0; i < records; i++) {
            long length = bytes.getUnsignedIntLE(record(i) + LENGTH_OFFSET);
            int kind = bytes.getByte(record(i) + KIND_OFFSET);
            boolean fits = switch (kind) {
                case KIND_DATA -> length <= Limits.MAX_DATA_EXTENT_BYTES;
                case KIND_ZERO -> length <= Limits.MAX_ZERO_EXTENT_BYTES;
                default -> false;
            };
            if (!fits || length == 0 || offset(i) < 0 || offset(i) > Long.MAX_VALUE - length
                    || disk(i) >= Limits.MAX_DISKS || bytes.getByte(record(i) + RESERVED_OFFSET) != 0) {
                throw new MalformedBodyException("record " + i + " of kind " + kind + ", " + length + " bytes at "
                        + offset(i) + " of disk " + disk(i));
            }
            plain += kind == KIND_DATA ? length : 0;
        }
        if (plain != frame.plainLengthBytes()) {
            throw new MalformedBodyException("records of " + plain + " bytes, header says " + frame.plainLengthBytes());
        }
        int stored = storedPayloadBytes();
        if (frame.isCompressed() ? stored >= plain : stored != plain) {
            throw new MalformedBodyException("payload of " + stored + " bytes for " + plain);
        }
    }

    public int records() {
        return records;
    }

    public int disk(int index) {
        return bytes.getUnsignedShortLE(record(index) + DISK_OFFSET);
    }

    public long offset(int index) {
        return bytes.getLongLE(record(index) + DISK_OFFSET_OFFSET);
    }

    public int lengthBytes(int index) {
        return bytes.getIntLE(record(index) + LENGTH_OFFSET);
    }

    public boolean isZero(int index) {
        return bytes.getByte(record(index) + KIND_OFFSET) == KIND_ZERO;
    }

    /** Where the payload begins, counted from the frame's first byte. */
    public int payloadOffset() {
        return FrameHeader.LENGTH_BYTES + records * RECORD_BYTES;
    }

    /** Bytes of the payload as it is stored. */
    public int storedPayloadBytes() {
        return frame.lengthBytes() - payloadOffset();
    }

    /** The payload as it is stored; a view on the frame, not retained. */
    public ByteBuf storedPayload() {
        return bytes.slice(bytes.readerIndex() + payloadOffset(), storedPayloadBytes());
    }

    private int record(int index) {
        return tableStart + index * RECORD_BYTES;
    }
}

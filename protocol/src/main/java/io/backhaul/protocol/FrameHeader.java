package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * The header that begins every frame on the wire, in the spool and in the journal. Little-endian, but for the machine's
 * id, which stands in the byte order of RFC 9562.
 *
 * <pre>
 *   0        4    5    6       8           12           16
 *  +--------+----+----+-------+-----------+------------+
 *  | magic  |ver |type| flags | body len  | records    |
 *  +--------+----+----+-------+-----------+------------+ 16
 *  | machine (16 bytes)                                |
 *  +-------------------------+-------------------------+ 32
 *  | generation              | sequence (first)        |
 *  +-------------------------+------------+------------+ 48
 *  | time, µs since the epoch| plain len  | body CRC   |
 *  +-------------------------+------------+------------+ 64
 *  | reserved, 0             | header CRC |
 *  +-------------------------+------------+ 72
 * </pre>
 *
 * Both checksums are CRC-32C (RFC 3720, appendix B.4). The header's covers bytes 0 to 67 and is verified before any
 * field is believed; the body's covers the body as it is sent.
 */
public final class FrameHeader {
    /** Bytes of a header. */
    public static final int LENGTH_BYTES = 72;
    /** "BKH1" as a little-endian number. */
    public static final int MAGIC = 0x31484b42;
    /** Flag: the payload of a WRITES frame is one LZ4 block. */
    public static final int FLAG_LZ4 = 1;
    /** Flag: the records were read from the disk by a comparison or a catch-up, not captured. */
    public static final int FLAG_RECONCILED = 2;
    static final int KNOWN_FLAGS = FLAG_LZ4 | FLAG_RECONCILED;

    static final int MAGIC_OFFSET = 0;
    static final int VERSION_OFFSET = 4;
    static final int TYPE_OFFSET = 5;
    static final int FLAGS_OFFSET = 6;
    static final int BODY_LENGTH_OFFSET = 8;
    static final int RECORDS_OFFSET = 12;
    static final int MACHINE_OFFSET = 16;
    static final int GENERATION_OFFSET = 32;
    static final int SEQUENCE_OFFSET = 40;
    static final int TIME_OFFSET = 48;
    static final int PLAIN_LENGTH_OFFSET = 56;
    static final int BODY_CRC_OFFSET = 60;
    static final int RESERVED_OFFSET = 64;
    static final int HEADER_CRC_OFFSET = 68;

    private FrameHeader() {}

    /** What a sender states in a header; lengths and checksums follow from the body. */
    public record Fields(FrameType type, int flags, int records, UUID machine, Position first, long timeMicros,
            int plainLengthBytes) {
        /** The fields of a control frame about a machine. */
        public static Fields control(FrameType type, UUID machine, Position position) {
            return new Fields(type, 0, 0, machine, position, 0, 0);
        }
    }

    /**
     * Completes a frame in place: {@code frame} holds {@link #LENGTH_BYTES} unset bytes, then the body up to its writer
     * index.
     */
    static void seal(ByteBuf frame, Fields fields) {
        int start = frame.readerIndex();
        int bodyLength = frame.readableBytes() - LENGTH_BYTES;
        frame.setIntLE(start + MAGIC_OFFSET, MAGIC);
        frame.setByte(start + VERSION_OFFSET, Limits.VERSION);
        frame.setByte(start + TYPE_OFFSET, fields.type().code());
        frame.setShortLE(start + FLAGS_OFFSET, fields.flags());
        frame.setIntLE(start + BODY_LENGTH_OFFSET, bodyLength);
        frame.setIntLE(start + RECORDS_OFFSET, fields.records());
        frame.setLong(start + MACHINE_OFFSET, fields.machine().getMostSignificantBits());
        frame.setLong(start + MACHINE_OFFSET + 8, fields.machine().getLeastSignificantBits());
        frame.setLongLE(start + GENERATION_OFFSET, fields.first().generation());
        frame.setLongLE(start + SEQUENCE_OFFSET, fields.first().sequence());
        frame.setLongLE(start + TIME_OFFSET, fields.timeMicros());
        frame.setIntLE(start + PLAIN_LENGTH_OFFSET, fields.plainLengthBytes());
        frame.setIntLE(start + BODY_CRC_OFFSET, crc(frame, start + LENGTH_BYTES, bodyLength));
        frame.setIntLE(start + RESERVED_OFFSET, 0);
        frame.setIntLE(start + HEADER_CRC_OFFSET, crc(frame, start, HEADER_CRC_OFFSET));
    }

    /** CRC-32C of a stretch of a buffer. */
    static int crc(ByteBuf buffer, int offset, int lengthBytes) {
        CRC32C crc = new CRC32C();
        if (buffer.nioBufferCount() == 1) {
            crc.update(buffer.internalNioBuffer(offset, lengthBytes));
        } else {
            for (ByteBuffer part : buffer.nioBuffers(offset, lengthBytes)) {
                crc.update(part);
            }
        }
        return (int) crc.getValue();
    }

    /**
     * The length of the frame whose header stands at {@code offset}, for those who walk stored frames.
     *
     * @param header
     *            holds at least {@link #LENGTH_BYTES} bytes from {@code offset}
     * @return header and body in bytes, or -1 where no valid header stands there
     */
    public static int frameLengthBytes(ByteBuf header, int offset) {
        return defect(header, offset).isEmpty() ? LENGTH_BYTES + header.getIntLE(offset + BODY_LENGTH_OFFSET) : -1;
    }

    /** The position of the first record of the frame whose valid header stands at {@code offset}. */
    public static Position first(ByteBuf header, int offset) {
        return new Position(header.getLongLE(offset + GENERATION_OFFSET), header.getLongLE(offset + SEQUENCE_OFFSET));
    }

    /** The position of the last record of the frame whose valid header stands at {@code offset}. */
    public static Position last(ByteBuf header, int offset) {
        return first(header, offset).plus(Math.max(0, header.getIntLE(offset + RECORDS_OFFSET) - 1));
    }

    /** The machine of the frame whose valid header stands at {@code offset}. */
    public static UUID machine(ByteBuf header, int offset) {
        return new UUID(header.getLong(offset + MACHINE_OFFSET), header.getLong(offset + MACHINE_OFFSET + 8));
    }

    /** Whether the valid header at {@code offset} is a stream frame's. */
    public static boolean isStream(ByteBuf header, int offset) {
        FrameType type = FrameType.ofCode(header.getUnsignedByte(offset + TYPE_OFFSET));
        return type != null && type.isStream();
    }

    /**
     * Judges the header at {@code offset}: its checksum first, then every field against its bounds.
     *
     * @return an empty text where the header can be trusted, else what is wrong with it
     */
    static String defect(ByteBuf header, int offset) {
        if (header.getIntLE(offset + MAGIC_OFFSET) != MAGIC) {
            return "no frame begins here";
        }
        if (header.getIntLE(offset + HEADER_CRC_OFFSET) != crc(header, offset, HEADER_CRC_OFFSET)) {
            return "header checksum does not match";
        }
        if (header.getByte(offset + VERSION_OFFSET) != Limits.VERSION) {
            return "frame version " + header.getUnsignedByte(offset + VERSION_OFFSET);
        }
        FrameType type = FrameType.ofCode(header.getUnsignedByte(offset + TYPE_OFFSET));
        if (type == null) {
            return "frame type " + header.getUnsignedByte(offset + TYPE_OFFSET);
        }
        return defect(header, offset, type);
    }

    private static String defect(ByteBuf header, int offset, FrameType type) {
        long bodyLength = header.getUnsignedIntLE(offset + BODY_LENGTH_OFFSET);
        long records = header.getUnsignedIntLE(offset + RECORDS_OFFSET);
        long plainLength = header.getUnsignedIntLE(offset + PLAIN_LENGTH_OFFSET);
        if (bodyLength > type.maxBodyBytes()) {
            return "body of " + bodyLength + " bytes in " + type;
        }
        int allowedFlags = type == FrameType.WRITES ? KNOWN_FLAGS : 0;
        if ((header.getUnsignedShortLE(offset + FLAGS_OFFSET) & ~allowedFlags) != 0
                || header.getIntLE(offset + RESERVED_OFFSET) != 0) {
            return "unknown flags or reserved bits";
        }
        if (header.getLongLE(offset + GENERATION_OFFSET) < 0 || header.getLongLE(offset + SEQUENCE_OFFSET) < 0) {
            return "negative position";
        }
        boolean recordsFit = switch (type) {
            case WRITES -> records >= 1 && records <= Limits.MAX_RECORDS
                    && records * WriteBatch.RECORD_BYTES <= bodyLength && plainLength <= Limits.MAX_PLAIN_PAYLOAD_BYTES;
            case GENERATION, FIDELITY, MARK -> records == 1 && plainLength == 0;
            default -> records == 0 && plainLength == 0;
        };
        if (!recordsFit) {
            return records + " records and plain length " + plainLength + " in " + type;
        }
        if (header.getLongLE(offset + SEQUENCE_OFFSET) > Long.MAX_VALUE - records) {
            return "sequence beyond the end of numbers";
        }
        if (type.isStream() && (header.getLongLE(offset + GENERATION_OFFSET) == 0
                || header.getLongLE(offset + SEQUENCE_OFFSET) == 0)) {
            return "stream frame without a position";
        }
        return "";
    }
}

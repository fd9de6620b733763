package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * One frame: the bytes as they are sent and stored, whose header has been verified, and the header's fields read from
 * them. Reference-counted with its buffer: whoever is handed a frame owns one count and releases it, or passes it on.
 * Reading is safe from any thread; nothing changes the bytes once the frame exists.
 */
public final class Frame {
    private final ByteBuf bytes;
    private final FrameType type;

    private Frame(ByteBuf bytes, FrameType type) {
        this.bytes = bytes;
        this.type = type;
    }

    /**
     * Builds a control frame or a small stream frame.
     *
     * @param body
     *            appends the body to the buffer it is given
     */
    public static Frame of(ByteBufAllocator allocator, FrameHeader.Fields fields, Consumer<ByteBuf> body) {
        ByteBuf buffer = allocator.directBuffer(FrameHeader.LENGTH_BYTES + 256);
        buffer.writeZero(FrameHeader.LENGTH_BYTES);
        try {
            body.accept(buffer);
        } catch (RuntimeException refused) {
            buffer.release();
            throw refused;
        }
        return seal(buffer, fields);
    }

    /** Completes the header in front of a body that stands in {@code buffer} already, and takes the buffer over. */
    static Frame seal(ByteBuf buffer, FrameHeader.Fields fields) {
        FrameHeader.seal(buffer, fields);
        String defect = FrameHeader.defect(buffer, buffer.readerIndex());
        if (!defect.isEmpty()) {
            buffer.release();
            throw new IllegalArgumentException("built a frame that none may send: " + defect);
        }
        return new Frame(buffer, fields.type());
    }

    /** Wraps bytes whose header and body checksum have been verified; takes the buffer over. */
    static Frame verified(ByteBuf bytes) {
        FrameType type = FrameType.ofCode(bytes.getUnsignedByte(bytes.readerIndex() + FrameHeader.TYPE_OFFSET));
        if (type == null) {
            throw new IllegalArgumentException("unverified header");
        }
        return new Frame(bytes, type);
    }

    public FrameType type() {
        return type;
    }

    public boolean isReconciled() {
        return (flags() & FrameHeader.FLAG_RECONCILED) != 0;
    }

    public boolean isCompressed() {
        return (flags() & FrameHeader.FLAG_LZ4) != 0;
    }

    private int flags() {
        return bytes.getUnsignedShortLE(at(FrameHeader.FLAGS_OFFSET));
    }

    /** Sequences that this frame consumes; 0 in control frames. */
    public int records() {
        return bytes.getIntLE(at(FrameHeader.RECORDS_OFFSET));
    }

    public UUID machine() {
        return new UUID(bytes.getLong(at(FrameHeader.MACHINE_OFFSET)),
                bytes.getLong(at(FrameHeader.MACHINE_OFFSET) + 8));
    }

    public long generation() {
        return bytes.getLongLE(at(FrameHeader.GENERATION_OFFSET));
    }

    /** In stream frames the first record's sequence; in control frames the sequence the frame speaks of. */
    public long sequence() {
        return bytes.getLongLE(at(FrameHeader.SEQUENCE_OFFSET));
    }

    /** The first record's position; in control frames the position the frame speaks of. */
    public Position first() {
        return new Position(generation(), sequence());
    }

    /** The last record's position. */
    public Position last() {
        return new Position(generation(), sequence() + Math.max(0, records() - 1));
    }

    /** When the source closed this frame, by its wall clock; 0 in control frames. */
    public long timeMicros() {
        return bytes.getLongLE(at(FrameHeader.TIME_OFFSET));
    }

    /** Payload bytes of a WRITES frame before compression. */
    public int plainLengthBytes() {
        return bytes.getIntLE(at(FrameHeader.PLAIN_LENGTH_OFFSET));
    }

    /** Header and body. */
    public int lengthBytes() {
        return bytes.readableBytes();
    }

    /** Header and body; shared, not retained: do not move its indices, duplicate instead. */
    public ByteBuf bytes() {
        return bytes;
    }

    /** The body; a view on {@link #bytes}, not retained. */
    public ByteBuf body() {
        return bytes.slice(at(FrameHeader.LENGTH_BYTES), lengthBytes() - FrameHeader.LENGTH_BYTES);
    }

    public Frame retain() {
        bytes.retain();
        return this;
    }

    public void release() {
        bytes.release();
    }

    private int at(int offset) {
        return bytes.readerIndex() + offset;
    }

    @Override
    public String toString() {
        return type + "[" + first() + (records() > 1 ? "+" + (records() - 1) : "") + ", " + lengthBytes() + " bytes]";
    }
}

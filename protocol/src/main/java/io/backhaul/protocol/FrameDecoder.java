package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a stream of bytes into frames. The header is verified before memory is taken for the body, so a hostile peer can
 * make it hold one header and one frame of at most {@link Limits#MAX_FRAME_BYTES}, and no more.
 *
 * <p>
 * Owned by one thread. After {@link Decoded.Lost} it gives nothing but that verdict again. {@link #close} releases a
 * half-read frame.
 */
public final class FrameDecoder implements AutoCloseable {
    private final ByteBufAllocator allocator;
    private final ByteBuf header;
    private @Nullable ByteBuf frame;
    private int missingBytes;
    private Decoded.@Nullable Lost lost;

    public FrameDecoder(ByteBufAllocator allocator) {
        this.allocator = allocator;
        this.header = allocator.directBuffer(FrameHeader.LENGTH_BYTES, FrameHeader.LENGTH_BYTES);
    }

    /**
     * Takes bytes from {@code input} up to the end of one frame.
     *
     * @return the verdict on that frame, or null where the input ended first
     */
    public @Nullable Decoded next(ByteBuf input) {
        if (lost != null) {
            return lost;
        }
        ByteBuf target = frame;
        if (target == null) {
            target = begin(input);
            if (target == null) {
                return lost;
            }
        }
        int taken = Math.min(missingBytes, input.readableBytes());
        target.writeBytes(input, taken);
        missingBytes -= taken;
        if (missingBytes > 0) {
            return null;
        }
        frame = null;
        return finish(target);
    }

    /**
     * Judges bytes that should be exactly one frame, as they were stored; takes the buffer over.
     *
     * @param stored
     *            becomes the frame's own memory where it is intact, and is released otherwise
     */
    public static Decoded whole(ByteBuf stored) {
        int length = stored.readableBytes() < FrameHeader.LENGTH_BYTES ? -1
                : FrameHeader.frameLengthBytes(stored, stored.readerIndex());
        if (length < 0 || length != stored.readableBytes()) {
            int found = stored.readableBytes();
            stored.release();
            return new Decoded.Lost(length < 0 ? "no valid header" : "a frame of " + length + " bytes in " + found);
        }
        return finish(stored);
    }

    private @Nullable ByteBuf begin(ByteBuf input) {
        int taken = Math.min(FrameHeader.LENGTH_BYTES - header.readableBytes(), input.readableBytes());
        header.writeBytes(input, taken);
        if (header.readableBytes() < FrameHeader.LENGTH_BYTES) {
            return null;
        }
        String defect = FrameHeader.defect(header, 0);
        if (!defect.isEmpty()) {
            lost = new Decoded.Lost(defect);
            return null;
        }
        missingBytes = header.getIntLE(FrameHeader.BODY_LENGTH_OFFSET);
        ByteBuf begun = allocator.directBuffer(FrameHeader.LENGTH_BYTES + missingBytes);
        begun.writeBytes(header, 0, FrameHeader.LENGTH_BYTES);
        header.clear();
        frame = begun;
        return begun;
    }

    private static Decoded finish(ByteBuf whole) {
        int bodyLength = whole.readableBytes() - FrameHeader.LENGTH_BYTES;
        int crc = FrameHeader.crc(whole, whole.readerIndex() + FrameHeader.LENGTH_BYTES, bodyLength);
        Frame candidate = Frame.verified(whole);
        if (crc == whole.getIntLE(whole.readerIndex() + FrameHeader.BODY_CRC_OFFSET)) {
            return new Decoded.Intact(candidate);
        }
        Decoded damaged = new Decoded.Damaged(candidate.type(), candidate.first(), candidate.last(),
                candidate.lengthBytes());
        whole.release();
        return damaged;
    }

    /** Whether the input so far ended between two frames. */
    public boolean isAtBoundary() {
        return frame == null && !header.isReadable();
    }

    @Override
    public void close() {
        if (frame != null) {
            frame.release();
            frame = null;
        }
        if (header.refCnt() > 0) {
            header.release();
        }
        lost = new Decoded.Lost("decoder closed");
    }
}

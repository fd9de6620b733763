package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/** The receiver has given memory free: so many more bytes of stream frames may be sent. Body: bytes (u64). */
public record Credit(UUID machine, long bytes) {
    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.CREDIT, machine, Position.NONE);
        return Frame.of(allocator, fields, body -> body.writeLongLE(bytes));
    }

    public static Credit read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.CREDIT, body -> {
            long bytes = body.readLongLE();
            if (bytes <= 0) {
                throw new MalformedBodyException("credit " + bytes);
            }
            return new Credit(frame.machine(), bytes);
        });
    }
}

package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/**
 * A PING, or the PONG that answers it with the same token. Body: token (u64), the asker's own and opaque to the other
 * side.
 */
public record Heartbeat(UUID machine, boolean answer, long token) {
    public Frame frame(ByteBufAllocator allocator) {
        FrameType type = answer ? FrameType.PONG : FrameType.PING;
        return Frame.of(allocator, FrameHeader.Fields.control(type, machine, Position.NONE),
                body -> body.writeLongLE(token));
    }

    public static Heartbeat read(Frame frame) throws MalformedBodyException {
        boolean answer = frame.type() == FrameType.PONG;
        return Bodies.whole(frame, answer ? FrameType.PONG : FrameType.PING,
                body -> new Heartbeat(frame.machine(), answer, body.readLongLE()));
    }
}

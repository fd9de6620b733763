package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/**
 * The receiver's answer to {@link Hello}. Body: version (u16), reserved (u16), heartbeat interval in milliseconds (u32),
 * first credit in bytes (u64), journaled position. The header's position is the last one the receiver has made durable;
 * the sender goes on behind it.
 *
 * @param durable
 *            last position that is durable at the receiver
 * @param journaled
 *            last position that the receiver knows to be journaled on the master target
 * @param creditBytes
 *            how many bytes of stream frames may be sent before more credit comes; at least
 *            {@link Limits#MAX_FRAME_BYTES}
 */
public record Welcome(UUID machine, Position durable, Position journaled, int version, int heartbeatMillis,
        long creditBytes) {
    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.WELCOME, machine, durable);
        return Frame.of(allocator, fields, body -> {
            body.writeShortLE(version).writeShortLE(0).writeIntLE(heartbeatMillis).writeLongLE(creditBytes);
            Bodies.writePosition(body, journaled);
        });
    }

    public static Welcome read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.WELCOME, body -> {
            int version = body.readUnsignedShortLE();
            body.skipBytes(2);
            int heartbeatMillis = body.readIntLE();
            long creditBytes = body.readLongLE();
            if (creditBytes < Limits.MAX_FRAME_BYTES || heartbeatMillis < 1) {
                throw new MalformedBodyException("credit " + creditBytes + ", heartbeat " + heartbeatMillis);
            }
            return new Welcome(frame.machine(), frame.first(), Bodies.readPosition(body), version, heartbeatMillis,
                    creditBytes);
        });
    }
}

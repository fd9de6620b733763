package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/** A named recovery point. Body: kind (u8), label (text). */
public record Mark(UUID machine, Position position, long timeMicros, Kind kind, String label) {
    /** Why the mark was set. */
    public enum Kind {
        CRASH, APPLICATION, USER, GROUP;

        static Kind ofCode(int code) throws MalformedBodyException {
            if (code < 0 || code >= values().length) {
                throw new MalformedBodyException("kind of mark " + code);
            }
            return values()[code];
        }
    }

    public Frame frame(ByteBufAllocator allocator) {
        var fields = new FrameHeader.Fields(FrameType.MARK, 0, 1, machine, position, timeMicros, 0);
        return Frame.of(allocator, fields, body -> {
            body.writeByte(kind.ordinal());
            Bodies.writeText(body, label, Limits.MAX_TEXT_BYTES);
        });
    }

    public static Mark read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.MARK, body -> new Mark(frame.machine(), frame.first(), frame.timeMicros(),
                Kind.ofCode(body.readUnsignedByte()), Bodies.readText(body, Limits.MAX_TEXT_BYTES)));
    }
}

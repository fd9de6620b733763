package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/** A named recovery point. Body: kind (u8), label (text). */
public record Mark(UUID machine, Position position, long timeMicros, Kind kind, String label) {
    /** Why the mark was set. */
    public enum Kind {
        /** Set by itself: a state as after a crash. */
        CRASH(0),
        /** The applications were quiet. */
        APPLICATION(1),
        /** An operator asked for it. */
        USER(2),
        /** Common to a group of machines. */
        GROUP(3);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        static Kind ofCode(int code) throws MalformedBodyException {
            for (Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new MalformedBodyException("kind of mark " + code);
        }
    }

    public Frame frame(ByteBufAllocator allocator) {
        var fields = new FrameHeader.Fields(FrameType.MARK, 0, 1, machine, position, timeMicros, 0);
        return Frame.of(allocator, fields, body -> {
            body.writeByte(kind.code);
            Bodies.writeText(body, label, Limits.MAX_TEXT_BYTES);
        });
    }

    public static Mark read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.MARK, body -> new Mark(frame.machine(), frame.first(), frame.timeMicros(),
                Kind.ofCode(body.readUnsignedByte()), Bodies.readText(body, Limits.MAX_TEXT_BYTES)));
    }
}

package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/**
 * The last frame on a link that one side ends. Body: fault code (u16), when to try again in milliseconds (u32; 0: at the
 * sender's own pace), explanation (text).
 *
 * @param code
 *            a number of {@link FaultCode}; one that this version does not know is kept as it is
 * @param text
 *            what happened; shortened in the frame where it is longer than {@link Limits#MAX_REFUSAL_TEXT_BYTES}
 */
public record Refusal(UUID machine, int code, int retryAfterMillis, String text) {
    public Refusal(UUID machine, FaultCode code, String text) {
        this(machine, code.number(), 0, text);
    }

    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.REFUSAL, machine, Position.NONE);
        return Frame.of(allocator, fields, body -> {
            body.writeShortLE(code).writeIntLE(retryAfterMillis);
            Bodies.writeText(body, Bodies.shortened(text, Limits.MAX_REFUSAL_TEXT_BYTES),
                    Limits.MAX_REFUSAL_TEXT_BYTES);
        });
    }

    public static Refusal read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.REFUSAL, body -> new Refusal(frame.machine(), body.readUnsignedShortLE(),
                body.readIntLE(), Bodies.readText(body, Limits.MAX_REFUSAL_TEXT_BYTES)));
    }

    /** The code, where this version knows it; {@link FaultCode#UNKNOWN} otherwise. */
    public FaultCode fault() {
        return FaultCode.ofNumber(code);
    }
}

package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/**
 * The sender's greeting, first frame on every link. Body: lowest and highest version it speaks (u16 each), software
 * (text). The header's generation is the sender's own, 0 where it has none yet.
 *
 * @param machine
 *            the machine whose stream this link shall carry
 */
public record Hello(UUID machine, long generation, int minVersion, int maxVersion, String software) {
    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.HELLO, machine, new Position(generation, 0));
        return Frame.of(allocator, fields, body -> {
            body.writeShortLE(minVersion).writeShortLE(maxVersion);
            Bodies.writeText(body, software, Limits.MAX_TEXT_BYTES);
        });
    }

    public static Hello read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.HELLO, body -> new Hello(frame.machine(), frame.generation(),
                body.readUnsignedShortLE(), body.readUnsignedShortLE(), Bodies.readText(body, Limits.MAX_TEXT_BYTES)));
    }

    /** Whether the two ranges meet at {@link Limits#VERSION}, the only version there is so far. */
    public boolean speaksOurVersion() {
        return minVersion <= Limits.VERSION && Limits.VERSION <= maxVersion;
    }
}

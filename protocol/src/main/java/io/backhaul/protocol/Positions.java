package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/**
 * How far a machine's stream has come: the law {@code received ≥ spooled ≥ forwarded ≥ journaled ≥ applied}. Body: the
 * five positions in that order. Each part writes its own; a part downstream of the receiver that has not spoken yet
 * stands at {@link Position#NONE}. A master target reports {@code received}, {@code journaled} and {@code applied}, and
 * sets {@code spooled} and {@code forwarded} to {@code received}.
 */
public record Positions(UUID machine, Position received, Position spooled, Position forwarded, Position journaled,
        Position applied) {
    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.POSITIONS, machine, Position.NONE);
        return Frame.of(allocator, fields, body -> {
            Bodies.writePosition(body, received);
            Bodies.writePosition(body, spooled);
            Bodies.writePosition(body, forwarded);
            Bodies.writePosition(body, journaled);
            Bodies.writePosition(body, applied);
        });
    }

    public static Positions read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.POSITIONS,
                body -> new Positions(frame.machine(), Bodies.readPosition(body), Bodies.readPosition(body),
                        Bodies.readPosition(body), Bodies.readPosition(body), Bodies.readPosition(body)));
    }

    /** Whether the law of positions holds between the five. */
    public boolean areLawful() {
        return received.isAtLeast(spooled) && spooled.isAtLeast(forwarded) && forwarded.isAtLeast(journaled)
                && journaled.isAtLeast(applied);
    }

    /** Whether none of the five stands behind what {@code earlier} says. */
    public boolean areAtLeast(Positions earlier) {
        return received.isAtLeast(earlier.received) && spooled.isAtLeast(earlier.spooled)
                && forwarded.isAtLeast(earlier.forwarded) && journaled.isAtLeast(earlier.journaled)
                && applied.isAtLeast(earlier.applied);
    }
}

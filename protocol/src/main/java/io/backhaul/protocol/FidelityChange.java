package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/**
 * From this record on the stream has another fidelity. Body: fidelity (u8), replica (16 bytes). A change to
 * {@link Fidelity#ORDERED} says that at this very position the replica is a state of the source again.
 *
 * @param replica
 *            the one whose digests the disks were compared with: what was alike there is in no record, so that no other
 *            replica becomes a state of the source by this stream; all zero where nothing is claimed
 */
public record FidelityChange(UUID machine, Position position, long timeMicros, Fidelity fidelity, UUID replica) {
    public Frame frame(ByteBufAllocator allocator) {
        var fields = new FrameHeader.Fields(FrameType.FIDELITY, 0, 1, machine, position, timeMicros, 0);
        return Frame.of(allocator, fields, body -> {
            body.writeByte(fidelity.code());
            Bodies.writeId(body, replica);
        });
    }

    public static FidelityChange read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.FIDELITY, body -> new FidelityChange(frame.machine(), frame.first(),
                frame.timeMicros(), Fidelity.ofCode(body.readUnsignedByte()), Bodies.readId(body)));
    }
}

package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The receiver holds bytes of a state that it can no longer give back, and asks to have them sent again. Body: number of
 * extents (u32), reserved (u32), then for each extent its offset (u64), length (u32), disk (u16) and two reserved bytes.
 * The header's position is the state that lacks them. Whoever does not hear it is asked again.
 *
 * @param extents
 *            at most {@link Limits#MAX_RESEND_EXTENTS}, one at least; in any order
 */
public record Resend(UUID machine, Position needing, List<Extent> extents) {
    /**
     * Bytes of one disk.
     *
     * @param lengthBytes
     *            from 1 to {@link Limits#MAX_DATA_EXTENT_BYTES}
     */
    public record Extent(int disk, long offset, int lengthBytes) {
        /** Where it ends on the disk. */
        public long end() {
            return offset + lengthBytes;
        }

        boolean isValid() {
            return disk >= 0 && disk < Limits.MAX_DISKS && offset >= 0 && lengthBytes >= 1
                    && lengthBytes <= Limits.MAX_DATA_EXTENT_BYTES && offset <= Long.MAX_VALUE - lengthBytes;
        }
    }

    public Resend {
        extents = List.copyOf(extents);
        if (extents.isEmpty() || extents.size() > Limits.MAX_RESEND_EXTENTS) {
            throw new IllegalArgumentException(extents.size() + " extents to be sent again");
        }
        for (Extent extent : extents) {
            if (!extent.isValid()) {
                throw new IllegalArgumentException(extent + " to be sent again");
            }
        }
    }

    /** How many bytes it asks for. */
    public long bytes() {
        return extents.stream().mapToLong(Extent::lengthBytes).sum();
    }

    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.RESEND, machine, needing);
        return Frame.of(allocator, fields, body -> {
            body.writeIntLE(extents.size()).writeIntLE(0);
            extents.forEach(extent -> body.writeLongLE(extent.offset).writeIntLE(extent.lengthBytes)
                    .writeShortLE(extent.disk).writeShortLE(0));
        });
    }

    public static Resend read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.RESEND, body -> {
            int count = body.readIntLE();
            body.skipBytes(4);
            if (count < 1 || count > Limits.MAX_RESEND_EXTENTS) {
                throw new MalformedBodyException(Integer.toUnsignedString(count) + " extents to be sent again");
            }
            List<Extent> extents = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                long offset = body.readLongLE();
                int lengthBytes = body.readIntLE();
                extents.add(new Extent(body.readUnsignedShortLE(), offset, lengthBytes));
                body.skipBytes(2);
            }
            return new Resend(frame.machine(), frame.first(), extents);
        });
    }
}

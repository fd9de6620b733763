package io.backhaul.engine.log;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.engine.log.Segment.Start;
import io.backhaul.protocol.FrameHeader;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Finds the next frame behind what cannot be read, byte by byte. A frame counts whose header is whole, and whose records are
 * of the machine's stream and lie between two positions. What a disk happens to hold of an earlier stream, within the
 * payload of a frame, does not: its positions were passed long before.
 *
 * @param after
 *            the last position in front of what cannot be read
 * @param upTo
 *            the last position that may be found
 */
record FrameSearch(UUID machine, Position after, Position upTo, ByteBufAllocator allocator) {
    private static final int WINDOW_BYTES = 1 << 20;

    /**
     * The first frame that begins at {@code from} or behind it and ends before {@code limit}; null where there is none.
     */
    @Nullable
    Start find(StoredFile file, long from, long limit) throws IOException {
        int windowBytes = Math.clamp(limit - from, FrameHeader.LENGTH_BYTES, WINDOW_BYTES);
        ByteBuf window = allocator.directBuffer(windowBytes, windowBytes);
        try {
            for (long at = from; at + FrameHeader.LENGTH_BYTES <= limit; at += WINDOW_BYTES
                    - FrameHeader.LENGTH_BYTES) {
                ByteBuffer target = window.clear().nioBuffer(0, (int) Math.min(windowBytes, limit - at));
                file.fill(at, target);
                window.writerIndex(target.position());
                Start found = findIn(window, at, limit);
                if (found != null) {
                    return found;
                }
            }
            return null;
        } finally {
            window.release();
        }
    }

    private @Nullable Start findIn(ByteBuf window, long windowAt, long limit) {
        for (int i = 0; i + FrameHeader.LENGTH_BYTES <= window.writerIndex(); i++) {
            int frameBytes = FrameHeader.frameLengthBytes(window, i);
            if (frameBytes >= 0 && windowAt + i + frameBytes <= limit && isWanted(window, i)) {
                Position first = FrameHeader.first(window, i);
                return new Start(new Position(first.generation(), first.sequence() - 1), (int) (windowAt + i));
            }
        }
        return null;
    }

    private boolean isWanted(ByteBuf window, int at) {
        return FrameHeader.isStream(window, at) && FrameHeader.machine(window, at).equals(machine)
                && after.isBefore(FrameHeader.first(window, at)) && upTo.isAtLeast(FrameHeader.last(window, at));
    }
}

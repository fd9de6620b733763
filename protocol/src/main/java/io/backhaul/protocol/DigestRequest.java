package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;

/**
 * The source asks for digests of a stretch of a disk as the master target holds it. Body: request id (u32), disk (u16),
 * reserved (u16), chunk length (u32), number of chunks (u32), first chunk (u64). The header's position is the oldest
 * state that may be answered for; the master target waits until it has journaled it.
 */
public record DigestRequest(UUID machine, Position notBefore, int requestId, int disk, int chunkBytes, long firstChunk,
        int chunks) {
    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.DIGEST_REQUEST, machine, notBefore);
        return Frame.of(allocator, fields, body -> body.writeIntLE(requestId).writeShortLE(disk).writeShortLE(0)
                .writeIntLE(chunkBytes).writeIntLE(chunks).writeLongLE(firstChunk));
    }

    public static DigestRequest read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.DIGEST_REQUEST, body -> {
            int requestId = body.readIntLE();
            int disk = body.readUnsignedShortLE();
            body.skipBytes(2);
            int chunkBytes = body.readIntLE();
            int chunks = body.readIntLE();
            long firstChunk = body.readLongLE();
            boolean sane = chunkBytes >= 4096 && chunkBytes <= Limits.MAX_DATA_EXTENT_BYTES
                    && Integer.bitCount(chunkBytes) == 1 && chunks >= 1 && chunks <= Limits.MAX_DIGESTS
                    && firstChunk >= 0 && firstChunk <= Long.MAX_VALUE / chunkBytes - chunks;
            if (!sane) {
                throw new MalformedBodyException(chunks + " chunks of " + chunkBytes + " from " + firstChunk);
            }
            return new DigestRequest(frame.machine(), frame.first(), requestId, disk, chunkBytes, firstChunk, chunks);
        });
    }
}

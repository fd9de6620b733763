package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The source asks for digests of parts of a disk as the master target holds it. Body: request id (u32), disk (u16), number
 * of runs (u16), chunk length (u32), reserved (u32), then for each run its first chunk (u64) and its chunks (u32). The
 * header's position is the oldest state that may be answered for; the master target waits until it has journaled it.
 *
 * @param runs
 *            what to digest, at most {@link Limits#MAX_DIGESTS} chunks in all; the answer keeps their order
 */
public record DigestRequest(UUID machine, Position notBefore, int requestId, int disk, int chunkBytes, List<Run> runs) {
    /** Chunks in a row; the first has the number {@code first}, counted from the beginning of the disk. */
    public record Run(long first, int chunks) {
        /** The number of the chunk behind the last one. */
        public long end() {
            return first + chunks;
        }
    }

    public DigestRequest {
        runs = List.copyOf(runs);
    }

    /** How many chunks it asks for. */
    public int chunks() {
        return runs.stream().mapToInt(Run::chunks).sum();
    }

    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.DIGEST_REQUEST, machine, notBefore);
        return Frame.of(allocator, fields, body -> {
            body.writeIntLE(requestId).writeShortLE(disk).writeShortLE(runs.size()).writeIntLE(chunkBytes)
                    .writeIntLE(0);
            runs.forEach(run -> body.writeLongLE(run.first).writeIntLE(run.chunks));
        });
    }

    public static DigestRequest read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.DIGEST_REQUEST, body -> {
            int requestId = body.readIntLE();
            int disk = body.readUnsignedShortLE();
            int count = body.readUnsignedShortLE();
            int chunkBytes = body.readIntLE();
            body.skipBytes(4);
            if (chunkBytes < 4096 || chunkBytes > Limits.MAX_DATA_EXTENT_BYTES || Integer.bitCount(chunkBytes) != 1
                    || count < 1 || count > Limits.MAX_DIGESTS) {
                throw new MalformedBodyException(count + " runs of chunks of " + chunkBytes);
            }
            List<Run> runs = new ArrayList<>(count);
            int chunks = 0;
            for (int i = 0; i < count; i++) {
                Run run = new Run(body.readLongLE(), body.readIntLE());
                if (run.chunks < 1 || run.chunks > Limits.MAX_DIGESTS - chunks || run.first < 0
                        || run.first > Long.MAX_VALUE / chunkBytes - run.chunks) {
                    throw new MalformedBodyException(run.chunks + " chunks of " + chunkBytes + " from " + run.first);
                }
                chunks += run.chunks;
                runs.add(run);
            }
            return new DigestRequest(frame.machine(), frame.first(), requestId, disk, chunkBytes, runs);
        });
    }
}

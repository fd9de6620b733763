package io.backhaul.engine.log;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.FrameDecoder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Reads the frames of a file in order, a chunk at a time. Owned by one thread; {@link #close} frees the chunk. */
final class FrameReader implements AutoCloseable {
    private static final int CHUNK_BYTES = 256 << 10;

    private final FrameDecoder decoder;
    private final ByteBuf chunk;
    private int fetchedTo;

    /** @param offset where the first frame begins */
    FrameReader(ByteBufAllocator allocator, int offset) {
        this.decoder = new FrameDecoder(allocator);
        this.chunk = allocator.directBuffer(CHUNK_BYTES, CHUNK_BYTES);
        this.fetchedTo = offset;
    }

    /** Where the next frame begins, after a frame has been given. */
    int offset() {
        return fetchedTo - chunk.readableBytes();
    }

    /** Whether what has been read so far ended with a whole frame. */
    boolean isAtBoundary() {
        return decoder.isAtBoundary();
    }

    /**
     * Goes on in another file; the last frame must have been whole.
     *
     * @param offset
     *            where the first frame begins there
     */
    void moveTo(int offset) {
        chunk.clear();
        fetchedTo = offset;
    }

    /**
     * The verdict on the next frame.
     *
     * @param limit
     *            where to stop reading
     * @return null where the limit or the end of the file comes first
     */
    @Nullable
    Decoded next(StoredFile file, int limit) throws IOException {
        while (true) {
            if (chunk.isReadable()) {
                Decoded decoded = decoder.next(chunk);
                if (decoded != null) {
                    return decoded;
                }
            }
            if (fetchedTo >= limit || !fetch(file, limit)) {
                return null;
            }
        }
    }

    private boolean fetch(StoredFile file, int limit) throws IOException {
        ByteBuffer target = chunk.clear().nioBuffer(0, Math.min(CHUNK_BYTES, limit - fetchedTo));
        int read = file.read(fetchedTo, target);
        if (read <= 0) {
            return false;
        }
        chunk.writerIndex(read);
        fetchedTo += read;
        return true;
    }

    @Override
    public void close() {
        decoder.close();
        if (chunk.refCnt() > 0) {
            chunk.release();
        }
    }
}

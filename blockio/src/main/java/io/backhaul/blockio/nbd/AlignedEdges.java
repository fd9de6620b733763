package io.backhaul.blockio.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Lets anyone read and write any bytes where the server only takes whole blocks. What is whole already goes straight
 * through; the rest is read, changed and written back, alone.
 */
final class AlignedEdges {
    private final int blockBytes;
    private final Transfer reader;
    private final Transfer writer;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

    /** Reads or writes whole blocks. */
    interface Transfer {
        void run(long offset, ByteBuffer buffer) throws IOException;
    }

    AlignedEdges(int blockBytes, Transfer reader, Transfer writer) {
        this.blockBytes = blockBytes;
        this.reader = reader;
        this.writer = writer;
    }

    void read(long offset, ByteBuffer target) throws IOException {
        if (whole(offset, target.remaining())) {
            reader.run(offset, target);
            return;
        }
        target.put(enclosing(offset, target.remaining()));
    }

    void write(long offset, ByteBuffer source) throws IOException {
        if (blockBytes == 1) {
            writer.run(offset, source);
            return;
        }
        boolean whole = whole(offset, source.remaining());
        var held = whole ? lock.readLock() : lock.writeLock();
        held.lock();
        try {
            if (whole) {
                writer.run(offset, source);
                return;
            }
            ByteBuffer blocks = enclosing(offset, source.remaining());
            blocks.put(source);
            writer.run(offset / blockBytes * blockBytes, blocks.clear());
        } finally {
            held.unlock();
        }
    }

    private boolean whole(long offset, int lengthBytes) {
        return offset % blockBytes == 0 && lengthBytes % blockBytes == 0;
    }

    /** The blocks around a range, read, with position and limit at the range. */
    private ByteBuffer enclosing(long offset, int lengthBytes) throws IOException {
        int head = (int) (offset % blockBytes);
        long total = ((long) head + lengthBytes + blockBytes - 1) / blockBytes * blockBytes;
        if (total > Integer.MAX_VALUE) {
            throw new IOException("one transfer of " + lengthBytes + " bytes that are no whole blocks is too large");
        }
        ByteBuffer blocks = ByteBuffer.allocateDirect((int) total);
        reader.run(offset - head, blocks);
        return blocks.limit(head + lengthBytes).position(head);
    }
}

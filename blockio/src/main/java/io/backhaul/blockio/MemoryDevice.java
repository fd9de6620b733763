package io.backhaul.blockio;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * A disk in memory, sparse in chunks. Never touches a file or a lock; {@link #flush()} does nothing, for nothing here
 * survives. For tests, simulations and benchmarks.
 */
public final class MemoryDevice implements BlockDevice {
    private static final int CHUNK_BYTES = 64 * 1024;

    private final long sizeBytes;
    private final int sectorSizeBytes;
    private final boolean readOnly;
    private final AtomicReferenceArray<byte[]> chunks;

    /** Makes a writable disk of 512-byte sectors that is all zero. */
    public MemoryDevice(long sizeBytes) {
        this(sizeBytes, 512, false);
    }

    /** Makes a disk that is all zero. */
    public MemoryDevice(long sizeBytes, int sectorSizeBytes, boolean readOnly) {
        if (sizeBytes < 0 || sizeBytes > (long) CHUNK_BYTES * (Integer.MAX_VALUE - 8)) {
            throw new IllegalArgumentException("a disk in memory cannot have " + sizeBytes + " bytes");
        }
        this.sizeBytes = sizeBytes;
        this.sectorSizeBytes = sectorSizeBytes;
        this.readOnly = readOnly;
        this.chunks = new AtomicReferenceArray<>((int) ((sizeBytes + CHUNK_BYTES - 1) / CHUNK_BYTES));
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int sectorSizeBytes() {
        return sectorSizeBytes;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        DeviceRange.check(this, offset, target.remaining());
        long next = offset;
        while (target.hasRemaining()) {
            int inside = (int) (next % CHUNK_BYTES);
            int count = Math.min(target.remaining(), CHUNK_BYTES - inside);
            byte[] chunk = chunks.get((int) (next / CHUNK_BYTES));
            target.put(chunk == null ? ZEROES : chunk, inside, count);
            next += count;
        }
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        DeviceRange.checkWritable(this, offset, source.remaining());
        long next = offset;
        while (source.hasRemaining()) {
            int inside = (int) (next % CHUNK_BYTES);
            int count = Math.min(source.remaining(), CHUNK_BYTES - inside);
            source.get(chunk((int) (next / CHUNK_BYTES)), inside, count);
            next += count;
        }
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        DeviceRange.checkWritable(this, offset, lengthBytes);
        long next = offset;
        long end = offset + lengthBytes;
        while (next < end) {
            int index = (int) (next / CHUNK_BYTES);
            int inside = (int) (next % CHUNK_BYTES);
            int count = (int) Math.min(end - next, CHUNK_BYTES - inside);
            byte[] chunk = chunks.get(index);
            if (count == CHUNK_BYTES) {
                chunks.set(index, null);
            } else if (chunk != null) {
                java.util.Arrays.fill(chunk, inside, inside + count, (byte) 0);
            }
            next += count;
        }
    }

    @Override
    public void flush() {
        // nothing here survives, so nothing can be made durable
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        DeviceRange.check(this, offset, lengthBytes);
        long end = offset + lengthBytes;
        long runStart = offset;
        while (runStart < end) {
            boolean zero = chunks.get((int) (runStart / CHUNK_BYTES)) == null;
            long runEnd = chunkEnd(runStart, end);
            while (runEnd < end && zero == (chunks.get((int) (runEnd / CHUNK_BYTES)) == null)) {
                runEnd = chunkEnd(runEnd, end);
            }
            visitor.extent(runStart, runEnd - runStart, zero);
            runStart = runEnd;
        }
    }

    @Override
    public void close() {
        // the memory goes with the object
    }

    @Override
    public String toString() {
        return "memory disk of " + sizeBytes + " bytes";
    }

    private static final byte[] ZEROES = new byte[CHUNK_BYTES];

    private static long chunkEnd(long offset, long end) {
        return Math.min(end, (offset / CHUNK_BYTES + 1) * CHUNK_BYTES);
    }

    private byte[] chunk(int index) {
        byte[] chunk = chunks.get(index);
        if (chunk != null) {
            return chunk;
        }
        byte[] fresh = new byte[CHUNK_BYTES];
        byte[] earlier = chunks.compareAndExchange(index, null, fresh);
        return earlier == null ? fresh : earlier;
    }
}

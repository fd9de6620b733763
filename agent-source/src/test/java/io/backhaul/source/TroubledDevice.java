package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.MemoryDevice;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A disk in memory that outlives the agent, and that fails, or sees the agent die, when it is told to. */
final class TroubledDevice implements BlockDevice {
    /** The process ends at this very moment. */
    static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    private final MemoryDevice memory;
    long changes;
    boolean killAfterWrite;
    boolean failWrite;
    boolean failFlush;
    int failReads;
    /** What others do amid a read: before it has seen anything, and when it has seen it all. */
    Runnable amidRead = () -> {};

    TroubledDevice(long sizeBytes) {
        this.memory = new MemoryDevice(sizeBytes);
    }

    String fingerprint() {
        return "changes " + changes;
    }

    byte[] content() {
        try {
            ByteBuffer all = ByteBuffer.allocate((int) memory.sizeBytes());
            memory.read(0, all);
            return all.array();
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        changes++;
        if (failWrite) {
            failWrite = false;
            source.limit(source.position() + source.remaining() / 2);
            memory.write(offset, source);
            throw new IOException("the medium failed in the middle");
        }
        memory.write(offset, source);
        dieIfDue();
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        changes++;
        memory.zero(offset, lengthBytes);
        dieIfDue();
    }

    private void dieIfDue() {
        if (killAfterWrite) {
            killAfterWrite = false;
            throw new Killed();
        }
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        if (failReads > 0) {
            failReads--;
            throw new IOException("the medium cannot be read");
        }
        amidRead.run();
        memory.read(offset, target);
        amidRead.run();
    }

    @Override
    public long sizeBytes() {
        return memory.sizeBytes();
    }

    @Override
    public int sectorSizeBytes() {
        return memory.sectorSizeBytes();
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public void flush() throws IOException {
        if (failFlush) {
            failFlush = false;
            throw new IOException("the medium cannot keep it");
        }
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        memory.extents(offset, lengthBytes, visitor);
    }

    @Override
    public void close() {}
}

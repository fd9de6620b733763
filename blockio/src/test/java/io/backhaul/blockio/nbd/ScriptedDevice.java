package io.backhaul.blockio.nbd;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.MemoryDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A disk in memory that counts, and that fails or waits when told to. */
final class ScriptedDevice implements BlockDevice {
    final AtomicInteger reads = new AtomicInteger();
    final AtomicInteger writes = new AtomicInteger();
    final AtomicInteger zeroes = new AtomicInteger();
    final AtomicInteger flushes = new AtomicInteger();
    final AtomicInteger inside = new AtomicInteger();
    final AtomicInteger mostInside = new AtomicInteger();
    volatile @Nullable IOException failure;
    volatile @Nullable RuntimeException bug;
    volatile @Nullable Semaphore gate;
    volatile boolean zeroIsFast = true;
    private final MemoryDevice memory;

    ScriptedDevice(long sizeBytes) {
        memory = new MemoryDevice(sizeBytes);
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
    public void read(long offset, ByteBuffer target) throws IOException {
        reads.incrementAndGet();
        act();
        memory.read(offset, target);
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        writes.incrementAndGet();
        act();
        memory.write(offset, source);
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        zeroes.incrementAndGet();
        act();
        memory.zero(offset, lengthBytes);
    }

    @Override
    public boolean zeroIsFast() {
        return zeroIsFast;
    }

    @Override
    public void flush() throws IOException {
        flushes.incrementAndGet();
        act();
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        memory.extents(offset, lengthBytes, visitor);
    }

    @Override
    public void close() {
        memory.close();
    }

    /** Lets everyone go who waits, and whoever comes. */
    void release() {
        Semaphore present = gate;
        gate = null;
        if (present != null) {
            present.release(1_000_000);
        }
    }

    private void act() throws IOException {
        int now = inside.incrementAndGet();
        mostInside.accumulateAndGet(now, Math::max);
        try {
            Semaphore present = gate;
            if (present != null) {
                present.acquireUninterruptibly();
            }
            IOException script = failure;
            if (script != null) {
                throw script;
            }
            RuntimeException unforeseen = bug;
            if (unforeseen != null) {
                throw unforeseen;
            }
        } finally {
            inside.decrementAndGet();
        }
    }
}

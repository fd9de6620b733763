package io.backhaul.blockio.overlay;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A writable view of a disk that is never written: changes go to a scratch, in blocks of 64 KiB, and the map of them is in
 * memory. Nothing survives {@link #close()}, so a flush has nothing to do. The scratch's size is the limit: when it is full,
 * writes to further blocks fail with a {@link io.backhaul.blockio.DeviceFullException} and all else goes on.
 * <p>
 * A lock per block, out of a fixed number of them: shared to read and to write where a block lies already, alone to move it.
 */
public final class OverlayDevice implements BlockDevice {
    /** What is copied to the scratch at the first write to any byte of it. */
    public static final int BLOCK_BYTES = 64 * 1024;
    private static final int LOCKS = 64;
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(BLOCK_BYTES).asReadOnlyBuffer();

    private final BlockDevice base;
    private final BlockDevice scratch;
    private final BlockMap map;
    private final ScratchSlots slots;
    private final ReadWriteLock[] locks = new ReadWriteLock[LOCKS];

    /** Lays a writable view over the base. Both belong to the view from now on: closing it closes them. */
    public OverlayDevice(BlockDevice base, BlockDevice scratch) {
        this.base = base;
        this.scratch = scratch;
        this.map = new BlockMap((base.sizeBytes() + BLOCK_BYTES - 1) / BLOCK_BYTES);
        this.slots = new ScratchSlots(scratch, BLOCK_BYTES);
        for (int index = 0; index < LOCKS; index++) {
            locks[index] = new ReentrantReadWriteLock();
        }
    }

    /** How much of the scratch is in use. */
    public long scratchUsedBytes() {
        return (long) slots.count() * BLOCK_BYTES;
    }

    @Override
    public long sizeBytes() {
        return base.sizeBytes();
    }

    @Override
    public int sectorSizeBytes() {
        return base.sectorSizeBytes();
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        DeviceRange.check(this, offset, target.remaining());
        int limit = target.limit();
        long next = offset;
        try {
            while (target.position() < limit) {
                int length = Math.min(limit - target.position(), BLOCK_BYTES - inside(next));
                target.limit(target.position() + length);
                readPiece(next, target);
                next += length;
            }
        } finally {
            target.limit(limit);
        }
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        DeviceRange.checkWritable(this, offset, source.remaining());
        int limit = source.limit();
        long next = offset;
        try {
            while (source.position() < limit) {
                int length = Math.min(limit - source.position(), BLOCK_BYTES - inside(next));
                source.limit(source.position() + length);
                writePiece(next, source);
                next += length;
            }
        } finally {
            source.limit(limit);
        }
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        DeviceRange.checkWritable(this, offset, lengthBytes);
        long end = offset + lengthBytes;
        long next = offset;
        while (next < end) {
            int length = (int) Math.min(end - next, BLOCK_BYTES - inside(next));
            zeroPiece(next, length);
            next += length;
        }
    }

    @Override
    public void flush() {
        // nothing here outlives the process
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        DeviceRange.check(this, offset, lengthBytes);
        long end = offset + lengthBytes;
        long start = offset;
        while (start < end) {
            int kind = kind(start);
            long stop = pieceEnd(start, end);
            while (stop < end && kind(stop) == kind) {
                stop = pieceEnd(stop, end);
            }
            if (kind == BlockMap.BASE) {
                base.extents(start, stop - start, visitor);
            } else {
                visitor.extent(start, stop - start, kind == BlockMap.ZERO);
            }
            start = stop;
        }
    }

    @Override
    public void close() throws IOException {
        try (base) {
            scratch.close();
        }
    }

    @Override
    public String toString() {
        return "writable view of " + base;
    }

    private void readPiece(long offset, ByteBuffer target) throws IOException {
        Lock lock = lock(offset).readLock();
        lock.lock();
        try {
            int entry = map.get(offset / BLOCK_BYTES);
            switch (entry) {
                case BlockMap.BASE -> base.read(offset, target);
                case BlockMap.ZERO -> target.put(ZEROES.duplicate().limit(target.remaining()));
                default -> scratch.read(place(entry) + inside(offset), target);
            }
        } finally {
            lock.unlock();
        }
    }

    private void writePiece(long offset, ByteBuffer source) throws IOException {
        Lock shared = lock(offset).readLock();
        shared.lock();
        try {
            int entry = map.get(offset / BLOCK_BYTES);
            if (entry > 0) {
                scratch.write(place(entry) + inside(offset), source);
                return;
            }
        } finally {
            shared.unlock();
        }
        Lock alone = lock(offset).writeLock();
        alone.lock();
        try {
            int entry = map.get(offset / BLOCK_BYTES);
            if (entry > 0) {
                scratch.write(place(entry) + inside(offset), source);
            } else {
                moveToScratch(offset, source, entry == BlockMap.ZERO);
            }
        } finally {
            alone.unlock();
        }
    }

    /** Copies a block to the scratch with new bytes in it. Called alone. */
    private void moveToScratch(long offset, ByteBuffer source, boolean zero) throws IOException {
        long blockStart = offset - inside(offset);
        int blockLength = (int) Math.min(BLOCK_BYTES, sizeBytes() - blockStart);
        ByteBuffer content = source;
        if (source.remaining() < blockLength) {
            content = ByteBuffer.allocate(blockLength);
            if (!zero) {
                base.read(blockStart, content);
                content.clear();
            }
            content.put(inside(offset), source, source.position(), source.remaining());
        }
        int slot = slots.take();
        boolean written = false;
        try {
            scratch.write((long) slot * BLOCK_BYTES, content);
            written = true;
        } finally {
            if (!written) {
                slots.release(slot);
            }
        }
        source.position(source.limit());
        map.set(offset / BLOCK_BYTES, slot + 1);
    }

    private void zeroPiece(long offset, int length) throws IOException {
        long block = offset / BLOCK_BYTES;
        long blockLength = Math.min(BLOCK_BYTES, sizeBytes() - block * BLOCK_BYTES);
        Lock alone = lock(offset).writeLock();
        alone.lock();
        try {
            int entry = map.get(block);
            if (entry == BlockMap.ZERO) {
                return;
            }
            if (length == blockLength) {
                map.set(block, BlockMap.ZERO);
                if (entry > 0) {
                    scratch.zero(place(entry), BLOCK_BYTES);
                    slots.release(entry - 1);
                }
            } else if (entry > 0) {
                scratch.zero(place(entry) + inside(offset), length);
            } else {
                moveToScratch(offset, ZEROES.duplicate().limit(length), false);
            }
        } finally {
            alone.unlock();
        }
    }

    /** {@link BlockMap#BASE}, {@link BlockMap#ZERO}, or 1 for any slot. */
    private int kind(long offset) {
        Lock shared = lock(offset).readLock();
        shared.lock();
        try {
            return Math.min(1, map.get(offset / BLOCK_BYTES));
        } finally {
            shared.unlock();
        }
    }

    private ReadWriteLock lock(long offset) {
        return locks[(int) (offset / BLOCK_BYTES % LOCKS)];
    }

    private static long place(int entry) {
        return (entry - 1L) * BLOCK_BYTES;
    }

    private static int inside(long offset) {
        return (int) (offset % BLOCK_BYTES);
    }

    private static long pieceEnd(long offset, long end) {
        return Math.min(end, (offset / BLOCK_BYTES + 1) * BLOCK_BYTES);
    }
}

package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One base disk, kept open. A device that has failed in writing may be opened anew under it ({@link #mend}); readers,
 * which come from many threads, notice at most one failed read. Writing and mending are done by one lane at a time;
 * another one may flush meanwhile.
 */
final class BaseDisk implements AutoCloseable {
    private final BaseDisks disks;
    private final PlacedDisk placed;
    private volatile @Nullable BlockDevice device;
    private final AtomicInteger openings = new AtomicInteger();
    private volatile boolean suspect;

    private BaseDisk(BaseDisks disks, PlacedDisk placed) {
        this.disks = disks;
        this.placed = placed;
    }

    static BaseDisk open(BaseDisks disks, PlacedDisk placed) throws IOException {
        BaseDisk disk = closed(disks, placed);
        disk.device = disk.open();
        return disk;
    }

    /** A disk that belongs to others, until it is mended. */
    static BaseDisk closed(BaseDisks disks, PlacedDisk placed) {
        return new BaseDisk(disks, placed);
    }

    /** What anybody's writing to it changes; it is closed. */
    long seal() throws IOException {
        return disks.seal(placed);
    }

    /** Opens it once more, to read back what it holds. */
    BlockDevice reread() throws IOException {
        return disks.reread(placed);
    }

    private BlockDevice open() throws IOException {
        BlockDevice opened = disks.open(placed);
        if (opened.sizeBytes() < placed.disk().sizeBytes()) {
            opened.close();
            throw new IOException(placed.path() + " has " + opened.sizeBytes() + " bytes, the machine's disk "
                    + placed.index() + " has " + placed.disk().sizeBytes() + "; put the right disk there");
        }
        return opened;
    }

    PlacedDisk placed() {
        return placed;
    }

    private BlockDevice device() throws IOException {
        BlockDevice current = device;
        if (current == null) {
            throw new IOException(placed.path() + " is closed");
        }
        return current;
    }

    void read(long offset, ByteBuffer target) throws IOException {
        int seen = openings.get();
        int start = target.position();
        try {
            device().read(offset, target);
        } catch (IOException failed) {
            if (seen == openings.get()) {
                throw failed;
            }
            device().read(offset, target.position(start));
        }
    }

    void extents(long offset, long lengthBytes, BlockDevice.ExtentVisitor visitor) throws IOException {
        device().extents(offset, lengthBytes, visitor);
    }

    void write(long offset, ByteBuffer source) throws IOException {
        change(device -> device.write(offset, source));
    }

    /**
     * Zeroes a range, a hole too: what reads as a hole may be one in the cache only, of a fold whose flush failed, and no
     * later flush would make it durable.
     */
    void zero(long offset, long lengthBytes) throws IOException {
        change(device -> device.zero(offset, lengthBytes));
    }

    void flush() throws IOException {
        change(BlockDevice::flush);
    }

    /** A change of the device. */
    private interface Change {
        void make(BlockDevice device) throws IOException;
    }

    private void change(Change change) throws IOException {
        try {
            change.make(device());
        } catch (IOException failed) {
            suspect = true;
            throw failed;
        }
    }

    /** Opens the device anew, if a change of it has failed: what was not flushed may be lost. */
    void mend() throws IOException {
        if (suspect || device == null) {
            close();
            device = open();
            openings.incrementAndGet();
            suspect = false;
        }
    }

    @Override
    public void close() throws IOException {
        BlockDevice current = device;
        device = null;
        if (current != null) {
            current.close();
        }
    }
}

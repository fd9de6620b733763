package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.random.RandomGenerator;

/** A disk that forgets at a power failure what was not flushed, sector by sector, and fails when told to. */
final class CrashDisk {
    private static final int SECTOR_BYTES = 512;

    private final RandomGenerator random;
    private final byte[] seen;
    private final byte[] durable;
    private final BitSet holes = new BitSet();
    private int failIn = -1;
    private int epoch;
    private int openings;
    private long writtenBytes;
    private long changes = 1;
    private int losesWrites;

    CrashDisk(int sizeBytes, RandomGenerator random) {
        this.random = random;
        this.seen = new byte[sizeBytes];
        this.durable = new byte[sizeBytes];
        holes.set(0, sizeBytes / SECTOR_BYTES);
    }

    int sizeBytes() {
        return seen.length;
    }

    byte[] bytes() {
        return seen.clone();
    }

    long writtenBytes() {
        return writtenBytes;
    }

    /** Counts what has changed it; from 1. */
    long changes() {
        return changes;
    }

    /** Somebody else writes a byte, who has the disk now. */
    void writeBare(int offset, byte value) {
        changes++;
        seen[offset] = value;
        durable[offset] = value;
    }

    /** So many of the next writes are acknowledged, and never reach the disk. */
    void loseWrites(int count) {
        losesWrites = count;
    }

    /** A bit flips, durably. */
    void flip(int offset, int bit) {
        seen[offset] ^= (byte) (1 << bit);
        durable[offset] ^= (byte) (1 << bit);
        holes.clear(offset / SECTOR_BYTES);
    }

    /** Holds something from the beginning. */
    void fill(byte[] content) {
        System.arraycopy(content, 0, seen, 0, content.length);
        System.arraycopy(content, 0, durable, 0, content.length);
        holes.clear();
    }

    /** How many handles are open. */
    int openings() {
        return openings;
    }

    void failIn(int changes) {
        failIn = changes;
    }

    void mend() {
        failIn = -1;
    }

    void crash(boolean power) {
        epoch++;
        openings = 0;
        failIn = -1;
        if (power) {
            lose();
        }
    }

    /** What was not flushed is kept or lost, each sector by chance; what is left counts as durable. */
    private void lose() {
        for (int at = 0; at < seen.length; at += SECTOR_BYTES) {
            if (random.nextBoolean() && !Arrays.equals(seen, at, at + SECTOR_BYTES, durable, at, at + SECTOR_BYTES)) {
                System.arraycopy(durable, at, seen, at, SECTOR_BYTES);
                holes.clear(at / SECTOR_BYTES);
            }
        }
        System.arraycopy(seen, 0, durable, 0, seen.length);
    }

    private void change(boolean flush) throws IOException {
        if (failIn == 0) {
            if (flush) {
                lose();
            }
            throw new IOException("Input/output error");
        }
        failIn = failIn > 0 ? failIn - 1 : failIn;
    }

    BlockDevice open() {
        openings++;
        return new Opened();
    }

    private final class Opened implements BlockDevice {
        private final int bornIn = epoch;
        private boolean closed;
        private boolean poisoned;

        private void check(long offset, long length) throws IOException {
            if (closed || bornIn != epoch) {
                throw new IOException("the disk is closed");
            }
            DeviceRange.check(this, offset, length);
        }

        @Override
        public long sizeBytes() {
            return seen.length;
        }

        @Override
        public int sectorSizeBytes() {
            return SECTOR_BYTES;
        }

        @Override
        public boolean readOnly() {
            return false;
        }

        @Override
        public void read(long offset, ByteBuffer target) throws IOException {
            check(offset, target.remaining());
            target.put(seen, (int) offset, target.remaining());
        }

        @Override
        public void write(long offset, ByteBuffer source) throws IOException {
            int length = source.remaining();
            check(offset, length);
            change(false);
            changes++;
            if (losesWrites > 0) {
                losesWrites--;
                source.position(source.position() + length);
                return;
            }
            source.get(seen, (int) offset, length);
            holes.clear((int) offset / SECTOR_BYTES, (int) (offset + length + SECTOR_BYTES - 1) / SECTOR_BYTES);
            writtenBytes += length;
        }

        @Override
        public void zero(long offset, long lengthBytes) throws IOException {
            check(offset, lengthBytes);
            change(false);
            changes++;
            Arrays.fill(seen, (int) offset, (int) (offset + lengthBytes), (byte) 0);
            int first = (int) (offset + SECTOR_BYTES - 1) / SECTOR_BYTES;
            holes.set(first, Math.max(first, (int) (offset + lengthBytes) / SECTOR_BYTES));
        }

        @Override
        public void flush() throws IOException {
            check(0, 0);
            if (poisoned) {
                throw new IOException("an earlier flush failed");
            }
            try {
                change(true);
            } catch (IOException failed) {
                poisoned = true;
                throw failed;
            }
            System.arraycopy(seen, 0, durable, 0, seen.length);
        }

        @Override
        public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
            check(offset, lengthBytes);
            long at = offset;
            while (at < offset + lengthBytes) {
                long end = Math.min(offset + lengthBytes, (at / SECTOR_BYTES + 1) * SECTOR_BYTES);
                visitor.extent(at, end - at, holes.get((int) at / SECTOR_BYTES));
                at = end;
            }
        }

        @Override
        public void close() {
            if (!closed && bornIn == epoch) {
                openings--;
            }
            closed = true;
        }
    }
}

package io.backhaul.mastertarget;

import static io.backhaul.mastertarget.SectorSums.SECTOR_BYTES;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One base disk with its checksums, kept open. What has failed in writing may be opened anew under it ({@link #mend}); readers,
 * which come from many threads, notice at most one failed read. Writing and mending are done by one lane at a time; another one
 * may flush meanwhile.
 * <p>
 * Sectors are written first, then their checksums; both are durable after a flush, in no order before. What is read is verified,
 * so that nothing wrong is ever given out. Who reads what is just being written may see one of both only: such reads are done
 * again a few times.
 */
final class BaseDisk implements AutoCloseable {
    private static final int ATTEMPTS = 3;

    private final BaseDisks disks;
    private final PlacedDisk placed;
    private final BaseSums folder;
    private volatile @Nullable Opened opened;
    private final AtomicInteger openings = new AtomicInteger();
    private volatile boolean suspect;

    private BaseDisk(BaseDisks disks, PlacedDisk placed, BaseSums folder) {
        this.disks = disks;
        this.placed = placed;
        this.folder = folder;
    }

    private record Opened(BlockDevice device, SectorSums sums) {}

    /**
     * Opens a disk.
     *
     * @param isNew
     *            whether it is being made part of the machine
     */
    static BaseDisk open(BaseDisks disks, PlacedDisk placed, BaseSums folder, boolean isNew) throws IOException {
        BaseDisk disk = closed(disks, placed, folder);
        disk.opened = disk.open(isNew);
        return disk;
    }

    /** A disk that belongs to others, until it is mended. */
    static BaseDisk closed(BaseDisks disks, PlacedDisk placed, BaseSums folder) {
        return new BaseDisk(disks, placed, folder);
    }

    /** What anybody's writing to it changes; it is closed. */
    long seal() throws IOException {
        return disks.seal(placed);
    }

    /** Opens it once more, to read back what it holds. */
    BlockDevice reread() throws IOException {
        return disks.reread(placed);
    }

    private Opened open(boolean isNew) throws IOException {
        BlockDevice device = disks.open(placed);
        try {
            if (device.sizeBytes() < sizeBytes()) {
                throw new IOException(placed.path() + " has " + device.sizeBytes() + " bytes, the machine's disk "
                        + placed.index() + " has " + sizeBytes() + "; put the right disk there");
            }
            return new Opened(device, folder.open(placed, isNew, () -> isAllZero(device)));
        } catch (IOException failed) {
            device.close();
            throw failed;
        }
    }

    private boolean isAllZero(BlockDevice device) throws IOException {
        boolean[] holds = new boolean[1];
        device.extents(0, sizeBytes(), (offset, lengthBytes, zero) -> holds[0] |= !zero);
        return !holds[0];
    }

    PlacedDisk placed() {
        return placed;
    }

    long sizeBytes() {
        return placed.disk().sizeBytes();
    }

    private Opened opened() throws IOException {
        Opened current = opened;
        if (current == null) {
            throw new IOException(placed.path() + " is closed");
        }
        return current;
    }

    /** Something that is read, of the device or its checksums. */
    private interface Reading<T> {
        T read(Opened from) throws IOException;
    }

    /** Reads again where what was open has been opened anew meanwhile. */
    private <T> T reading(Reading<T> reading) throws IOException {
        int seen = openings.get();
        try {
            return reading.read(opened());
        } catch (IOException failed) {
            if (seen == openings.get()) {
                throw failed;
            }
            return reading.read(opened());
        }
    }

    static long floor(long offset) {
        return offset / SECTOR_BYTES * SECTOR_BYTES;
    }

    static long ceiling(long offset) {
        return floor(offset + SECTOR_BYTES - 1);
    }

    /** Fills the target with what the disk holds, whatever it is worth. */
    void readUnverified(long offset, ByteBuffer target) throws IOException {
        int start = target.position();
        reading(from -> {
            from.device.read(offset, target.position(start));
            return target;
        });
    }

    /** Which of these whole sectors are not what was written. */
    List<BaseStretch> wrong(long offset, ByteBuffer content) throws IOException {
        return reading(from -> from.sums.wrong(offset, content));
    }

    /** Fills the target with whole sectors; says which of them are not what was written. */
    List<BaseStretch> readAndCheck(long offset, ByteBuffer target) throws IOException {
        int start = target.position();
        int length = target.remaining();
        List<BaseStretch> wrong = List.of();
        for (int i = 0; i < ATTEMPTS; i++) {
            readUnverified(offset, target.position(start));
            wrong = wrong(offset, target.slice(start, length));
            if (wrong.isEmpty()) {
                break;
            }
        }
        return wrong;
    }

    /**
     * Fills the target with what was written.
     *
     * @throws io.backhaul.engine.log.StoreException
     *             of kind CORRUPT where the disk holds something else
     */
    void read(long offset, ByteBuffer target) throws IOException {
        long from = floor(offset);
        long to = ceiling(offset + target.remaining());
        boolean isWhole = from == offset && to == offset + target.remaining();
        ByteBuffer content = isWhole ? target : ByteBuffer.allocate(Math.toIntExact(to - from));
        List<BaseStretch> wrong = readAndCheck(from, content);
        if (!wrong.isEmpty()) {
            throw damaged(wrong.getFirst());
        }
        if (!isWhole) {
            target.put(content.slice(Math.toIntExact(offset - from), target.remaining()));
        }
    }

    /** Tells of a stretch that is not what was written. */
    IOException damaged(BaseStretch stretch) {
        return folder.wrong(placed, stretch);
    }

    /** Says what is zero; what is a hole and should not be is none. */
    void extents(long offset, long lengthBytes, BlockDevice.ExtentVisitor visitor) throws IOException {
        Opened now = opened();
        now.device.extents(offset, lengthBytes, (from, length, zero) -> {
            if (zero) {
                holes(now.sums, from, from + length, visitor);
            } else {
                visitor.extent(from, length, false);
            }
        });
    }

    private static void holes(SectorSums sums, long from, long to, BlockDevice.ExtentVisitor visitor)
            throws IOException {
        boolean zero = true;
        long at = from;
        while (at < to) {
            long end = Math.min(to, sums.first(floor(at), ceiling(to), !zero));
            if (end > at) {
                visitor.extent(at, end - at, zero);
                at = end;
            }
            zero = !zero;
        }
    }

    void write(long offset, ByteBuffer source) throws IOException {
        long from = floor(offset);
        long to = ceiling(offset + source.remaining());
        if (from == offset && to == offset + source.remaining()) {
            ByteBuffer values = SectorSums.of(source);
            change(now -> write(now, offset, source, values));
        } else if (source.hasRemaining()) {
            writeParts(new BaseStretch(placed.index(), from, to), offset, source);
        }
    }

    private static void write(Opened now, long offset, ByteBuffer source, ByteBuffer values) throws IOException {
        now.device.write(offset, source);
        now.sums.put(offset, values);
    }

    /**
     * Writes sectors of which the first and the last are written in part. What is left of them must be what was written: where it
     * is not, or cannot be told from what a crash has left half written, they stay wrong, and the source sends them anew.
     */
    private void writeParts(BaseStretch whole, long offset, ByteBuffer source) throws IOException {
        ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(whole.to() - whole.from()));
        int last = content.capacity() - SECTOR_BYTES;
        boolean firstIsWrong = offset > whole.from() && isEdgeWrong(whole.from(), content.slice(0, SECTOR_BYTES));
        boolean lastIsWrong = offset + source.remaining() < whole.to()
                && isEdgeWrong(whole.to() - SECTOR_BYTES, content.slice(last, SECTOR_BYTES));
        content.position(Math.toIntExact(offset - whole.from())).put(source).clear();
        ByteBuffer values = SectorSums.of(content);
        if (firstIsWrong) {
            SectorSums.spoil(values, 0);
        }
        if (lastIsWrong && (last > 0 || !firstIsWrong)) {
            SectorSums.spoil(values, last / SECTOR_BYTES);
        }
        change(now -> write(now, whole.from(), content, values));
    }

    private boolean isEdgeWrong(long sector, ByteBuffer content) throws IOException {
        return !readAndCheck(sector, content).isEmpty();
    }

    /**
     * Zeroes a range, a hole too: what reads as a hole may be one in the cache only, of a fold whose flush failed, and no
     * later flush would make it durable.
     */
    void zero(long offset, long lengthBytes) throws IOException {
        long end = offset + lengthBytes;
        long from = Math.min(end, ceiling(offset));
        long to = Math.max(from, floor(end));
        if (offset < from) {
            write(offset, ByteBuffer.allocate((int) (from - offset)));
        }
        if (from < to) {
            change(now -> {
                now.device.zero(from, to - from);
                now.sums.zero(from, to - from);
            });
        }
        if (to < end) {
            write(to, ByteBuffer.allocate((int) (end - to)));
        }
    }

    void flush() throws IOException {
        change(now -> now.device.flush());
        change(now -> now.sums.sync());
    }

    /** A change of the device or its checksums. */
    private interface Change {
        void make(Opened now) throws IOException;
    }

    private void change(Change change) throws IOException {
        try {
            change.make(opened());
        } catch (IOException failed) {
            suspect = true;
            throw failed;
        }
    }

    /** Whether all that the disk holds has a checksum. */
    boolean isKnown() throws IOException {
        return opened().sums.isWhole();
    }

    /**
     * Makes checksums of whole sectors that have none. Where they are written meanwhile, what is written last counts: they are
     * read once more.
     */
    void learn(long offset, ByteBuffer content) throws IOException {
        ByteBuffer again = ByteBuffer.allocate(content.remaining());
        if (reading(from -> from.sums.learn(offset, content))) {
            readUnverified(offset, again);
            if (!again.flip().equals(content)) {
                ByteBuffer values = SectorSums.of(again);
                change(now -> now.sums.put(offset, values));
            }
        }
    }

    /** All has been learnt. */
    void learnt() throws IOException {
        change(now -> now.sums.complete());
        folder.completed(placed.index());
    }

    /** Opens anew, if a change has failed: what was not flushed may be lost. */
    void mend() throws IOException {
        if (suspect || opened == null) {
            close();
            opened = open(false);
            openings.incrementAndGet();
            suspect = false;
        }
    }

    @Override
    public void close() throws IOException {
        Opened current = opened;
        opened = null;
        if (current != null) {
            try {
                current.sums.close();
            } finally {
                current.device.close();
            }
        }
    }
}

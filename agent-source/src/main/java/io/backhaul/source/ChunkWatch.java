package io.backhaul.source;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Which chunks' digests do not hold: before the mark those that were not read yet, or have been written to since; behind it
 * those that must still be read, as far as nothing has been written to them. The stream tells it of every change, under the lock
 * that orders all records; so what is told before {@link #freeze} is in front of the mark, and what is told after it is behind.
 *
 * <p>
 * One bit for a chunk, a second one from the mark on. Safe from any thread; its lock is the last that anyone takes.
 */
final class ChunkWatch {
    /** The largest disk whose chunks can be numbered here. */
    static final long MAX_DISK_BYTES = (long) Integer.MAX_VALUE * SliceReader.CHUNK_BYTES;

    private final ReentrantLock lock = new ReentrantLock();
    private final List<Long> sizes = new ArrayList<>();
    private final List<BitSet> unread = new ArrayList<>();
    private final List<BitSet> overtaken = new ArrayList<>();
    private boolean frozen;
    private String expired = "";

    /** Nothing has been read yet. */
    ChunkWatch(List<SourceDisk> disks) {
        for (SourceDisk disk : disks) {
            long size = disk.info().sizeBytes();
            int chunks = (int) ((size + SliceReader.CHUNK_BYTES - 1) / SliceReader.CHUNK_BYTES);
            BitSet all = new BitSet(chunks);
            all.set(0, chunks);
            sizes.add(size);
            unread.add(all);
        }
    }

    /** Something has been written, or may have been. */
    void touch(int disk, long offset, long lengthBytes) {
        int first = (int) (offset / SliceReader.CHUNK_BYTES);
        int end = (int) ((offset + lengthBytes - 1) / SliceReader.CHUNK_BYTES) + 1;
        lock.lock();
        try {
            (frozen ? overtaken : unread).get(disk).set(first, end);
        } finally {
            lock.unlock();
        }
    }

    /** The disks may have changed unseen: what was read so far is worth nothing. */
    void expire(String why) {
        lock.lock();
        try {
            expired = expired.isEmpty() ? why : expired;
        } finally {
            lock.unlock();
        }
    }

    /** Why it is worth nothing any more; empty where it is not so. */
    String expired() {
        lock.lock();
        try {
            return expired;
        } finally {
            lock.unlock();
        }
    }

    /** The mark is put into the stream just now: under the stream's lock. */
    void freeze() {
        lock.lock();
        try {
            unread.forEach(each -> overtaken.add(new BitSet(each.length())));
            frozen = true;
        } finally {
            lock.unlock();
        }
    }

    /** The next chunks to be read from an offset on, not longer than {@code maxBytes}; null where there are none. */
    DirtyMap.@Nullable Stretch next(int disk, long from, long maxBytes) {
        lock.lock();
        try {
            int first = firstFrom(disk, chunkFrom(from));
            if (first < 0) {
                return null;
            }
            int limit = (int) Math.min((long) first + maxBytes / SliceReader.CHUNK_BYTES, unread.get(disk).length());
            int end = Math.min(limit, unread.get(disk).nextClearBit(first));
            int spoilt = frozen ? overtaken.get(disk).nextSetBit(first) : -1;
            return stretch(disk, first, spoilt < 0 ? end : Math.min(end, spoilt));
        } finally {
            lock.unlock();
        }
    }

    /** The first chunk that begins there or behind: behind a disk's end, which may lie inside its last chunk, there is none. */
    private static int chunkFrom(long offset) {
        return (int) ((offset + SliceReader.CHUNK_BYTES - 1) / SliceReader.CHUNK_BYTES);
    }

    private int firstFrom(int disk, int chunk) {
        int first = unread.get(disk).nextSetBit(chunk);
        while (first >= 0 && frozen && overtaken.get(disk).get(first)) {
            first = unread.get(disk).nextSetBit(overtaken.get(disk).nextClearBit(first));
        }
        return first;
    }

    private DirtyMap.Stretch stretch(int disk, int first, int end) {
        long offset = (long) first * SliceReader.CHUNK_BYTES;
        return new DirtyMap.Stretch(offset,
                Math.min((long) end * SliceReader.CHUNK_BYTES, sizes.get(disk)) - offset);
    }

    /** These are about to be read, in front of the mark. Before the capture is asked to settle. */
    void reading(int disk, DirtyMap.Stretch stretch) {
        lock.lock();
        try {
            unread.get(disk).clear(first(stretch), end(stretch));
        } finally {
            lock.unlock();
        }
    }

    /** These have not been read after all. */
    void notRead(int disk, DirtyMap.Stretch stretch) {
        if (stretch.lengthBytes() > 0) {
            touch(disk, stretch.offset(), stretch.lengthBytes());
        }
    }

    /**
     * These have been read behind the mark, and all that was submitted before the read ended has been told: what holds of them, and
     * need not be read any more.
     */
    List<DirtyMap.Stretch> keep(int disk, DirtyMap.Stretch stretch) {
        lock.lock();
        try {
            List<DirtyMap.Stretch> kept = new ArrayList<>();
            int end = end(stretch);
            int from = overtaken.get(disk).nextClearBit(first(stretch));
            while (from < end) {
                int spoilt = overtaken.get(disk).nextSetBit(from);
                int to = spoilt < 0 ? end : Math.min(end, spoilt);
                kept.add(stretch(disk, from, to));
                unread.get(disk).clear(from, to);
                from = overtaken.get(disk).nextClearBit(to);
            }
            return kept;
        } finally {
            lock.unlock();
        }
    }

    /** The next chunks whose digests do not hold, whether they can still be read or not. */
    DirtyMap.@Nullable Stretch nextUnread(int disk, long from) {
        lock.lock();
        try {
            int first = unread.get(disk).nextSetBit(chunkFrom(from));
            return first < 0 ? null : stretch(disk, first, unread.get(disk).nextClearBit(first));
        } finally {
            lock.unlock();
        }
    }

    private static int first(DirtyMap.Stretch stretch) {
        return (int) (stretch.offset() / SliceReader.CHUNK_BYTES);
    }

    private static int end(DirtyMap.Stretch stretch) {
        return (int) ((stretch.offset() + stretch.lengthBytes() + SliceReader.CHUNK_BYTES - 1)
                / SliceReader.CHUNK_BYTES);
    }

    /** How many chunks' digests do not hold. */
    long unreadChunks() {
        lock.lock();
        try {
            return unread.stream().mapToLong(BitSet::cardinality).sum();
        } finally {
            lock.unlock();
        }
    }
}

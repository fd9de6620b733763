package io.backhaul.source;

import io.backhaul.blockio.volume.Volume;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.source.StateFileException.Defect;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which blocks the master target may not have: all that changed after the last position known journaled. It survives the
 * process.
 *
 * <p>
 * Two kinds of bitmaps. <em>Pending</em> blocks are in no record of the stream and must be read and sent. An <em>epoch</em>
 * collects the blocks of records of one stretch of sequences; it is cleared once the stretch is journaled, and taken up
 * again. One epoch is open; where all others wait to be journaled, it just goes on collecting. Bits are set before the disk
 * changes: {@link #announce} holds the epoch until {@link #settled}, so that it is not cleared between the change and the
 * record.
 *
 * <p>
 * Guarded by the lock of {@link ChangeStream}, but for {@link #clear}, which works on closed epochs that nobody else
 * touches.
 */
final class DirtyMap implements AutoCloseable {
    /** Epochs of the ring. */
    static final int EPOCHS = 4;
    private static final int PENDING = 0;

    private enum Phase {
        FREE, OPEN, CLOSED, CLEARING
    }

    private static final class Epoch {
        Phase phase = Phase.FREE;
        boolean used;
        long firstSequence;
        long endSequence;
        int holders;
    }

    private final List<DiskMap> disks;
    private final Epoch[] epochs = new Epoch[EPOCHS];
    private final long[] pendingBlocks;
    private int open;
    private long differingWords;

    private DirtyMap(List<DiskMap> disks) {
        this.disks = disks;
        this.pendingBlocks = new long[disks.size()];
        for (int i = 0; i < EPOCHS; i++) {
            epochs[i] = new Epoch();
        }
        epochs[0].phase = Phase.OPEN;
        countPending();
    }

    /**
     * Opens the maps of all disks.
     *
     * @throws StateFileException
     *             where one is missing or not what it should be
     */
    static DirtyMap open(Volume volume, UUID machine, List<DiskInfo> disks, int granularityBytes) throws IOException {
        DirtyMap found = assemble(disks,
                disk -> DiskMap.open(volume, machine, disk, granularityBytes, 1 + EPOCHS));
        found.differingWords = found.disks.stream().mapToLong(DiskMap::uniteCopies).sum();
        found.countPending();
        return found;
    }

    /**
     * How many words had differed between the two copies of the marks when they were opened; all that was set in one is set
     * now. After a stop in order there should be none.
     */
    long differingWords() {
        return differingWords;
    }

    /** Makes empty maps for all disks. */
    static DirtyMap create(Volume volume, UUID machine, List<DiskInfo> disks, int granularityBytes) throws IOException {
        DirtyMap made = assemble(disks, disk -> DiskMap.create(volume, machine, disk, granularityBytes, 1 + EPOCHS));
        volume.syncFolder("");
        return made;
    }

    private interface Opener {
        DiskMap open(DiskInfo disk) throws IOException;
    }

    private static DirtyMap assemble(List<DiskInfo> disks, Opener opener) throws IOException {
        List<DiskMap> maps = new ArrayList<>();
        try {
            for (DiskInfo disk : disks) {
                maps.add(opener.open(disk));
            }
            return new DirtyMap(maps);
        } catch (IOException failed) {
            for (DiskMap map : maps) {
                map.close();
            }
            throw failed;
        }
    }

    /** Whether a defect of a map means that it is lost, rather than that this program should not touch it. */
    static boolean isLoss(StateFileException wrong) {
        return wrong.defect() == Defect.CORRUPT;
    }

    private void countPending() {
        for (int i = 0; i < pendingBlocks.length; i++) {
            pendingBlocks[i] = disks.get(i).count(PENDING);
        }
    }

    /** A range is about to change on the disk; the ticket is for {@link #settled}. */
    int announce(int disk, long offset, long lengthBytes) {
        mark(disk, offset, lengthBytes);
        epochs[open].holders++;
        return open;
    }

    /** The change that was announced stands in the stream, or is pending. */
    void settled(int ticket) {
        Epoch epoch = epochs[ticket];
        if (epoch.holders <= 0) {
            throw new IllegalStateException("settled twice");
        }
        epoch.holders--;
    }

    /** A range is in a record of the stream. */
    void mark(int disk, long offset, long lengthBytes) {
        disks.get(disk).set(1 + open, offset, lengthBytes);
        epochs[open].used = true;
    }

    /** A range has changed and is in no record. */
    void markPending(int disk, long offset, long lengthBytes) {
        pendingBlocks[disk] += disks.get(disk).set(PENDING, offset, lengthBytes);
    }

    /** A stretch of a disk, whole blocks but for the disk's end. */
    record Stretch(long offset, long lengthBytes) {}

    /** The next stretch of pending blocks, not longer than {@code maxBytes}; null where there is none behind {@code from}. */
    @Nullable
    Stretch nextPending(int disk, long from, int maxBytes) {
        DiskMap map = disks.get(disk);
        int granularity = map.granularityBytes();
        long first = from >= map.sizeBytes() ? -1 : map.next(PENDING, (from + granularity - 1) / granularity);
        if (first < 0) {
            return null;
        }
        long end = first + 1;
        while (end < map.blocks() && (end + 1 - first) * granularity <= maxBytes && map.isSet(PENDING, end)) {
            end++;
        }
        long offset = first * granularity;
        return new Stretch(offset, Math.min(end * granularity, map.sizeBytes()) - offset);
    }

    /** Someone reads this stretch now, and has announced it: it is pending no more. */
    void taken(int disk, Stretch stretch) {
        pendingBlocks[disk] -= disks.get(disk).clear(PENDING, stretch.offset(), stretch.lengthBytes());
    }

    long pendingBytes(int disk) {
        DiskMap map = disks.get(disk);
        return Math.min(pendingBlocks[disk] * map.granularityBytes(), map.sizeBytes());
    }

    boolean isAnyPending() {
        for (long count : pendingBlocks) {
            if (count != 0) {
                return true;
            }
        }
        return false;
    }

    /** Closes the open epoch, where it has collected anything and another is free. */
    void rotate(long endSequence) {
        Epoch current = epochs[open];
        if (!current.used) {
            return;
        }
        for (int i = 0; i < EPOCHS; i++) {
            if (epochs[i].phase == Phase.FREE) {
                current.phase = Phase.CLOSED;
                current.endSequence = endSequence;
                epochs[i].phase = Phase.OPEN;
                epochs[i].used = false;
                epochs[i].firstSequence = endSequence + 1;
                open = i;
                return;
            }
        }
    }

    /** Takes the epochs out whose records are all journaled; they are to be cleared and then {@link #freed}. */
    List<Integer> takeJournaled(long journaledSequence) {
        List<Integer> taken = new ArrayList<>();
        for (int i = 0; i < EPOCHS; i++) {
            Epoch epoch = epochs[i];
            if (epoch.phase == Phase.CLOSED && epoch.holders == 0 && epoch.endSequence <= journaledSequence) {
                epoch.phase = Phase.CLEARING;
                taken.add(i);
            }
        }
        return taken;
    }

    /** The sequence before which no block of a record is marked any more, but for what changed again. */
    long unmarkedBefore() {
        long first = Long.MAX_VALUE;
        for (Epoch epoch : epochs) {
            if (epoch.phase != Phase.FREE && (epoch.phase != Phase.OPEN || epoch.used)) {
                first = Math.min(first, epoch.firstSequence);
            }
        }
        return first;
    }

    /** Clears the bits of an epoch that has been taken out; without the lock. */
    void clear(int epoch) {
        for (DiskMap disk : disks) {
            disk.clearAll(1 + epoch);
        }
    }

    void freed(int epoch) {
        if (epochs[epoch].phase != Phase.CLEARING) {
            throw new IllegalStateException("epoch " + epoch + " is " + epochs[epoch].phase);
        }
        epochs[epoch].phase = Phase.FREE;
    }

    /** An epoch that was taken out could not be cleared; it is as before. */
    void putBack(int epoch) {
        epochs[epoch].phase = Phase.CLOSED;
    }

    /** Makes every block of every epoch pending: the stream begins anew. Tickets stay valid. */
    void foldIntoPending() {
        for (DiskMap disk : disks) {
            for (int i = 0; i < EPOCHS; i++) {
                disk.merge(1 + i, PENDING);
                disk.clearAll(1 + i);
            }
        }
        for (Epoch epoch : epochs) {
            epoch.phase = Phase.FREE;
            epoch.used = false;
            epoch.firstSequence = 0;
        }
        open = 0;
        epochs[0].phase = Phase.OPEN;
        countPending();
    }

    /**
     * Disks will be compared from these offsets on, whatever is marked there: nothing is pending behind them. A change that is
     * announced and may yet come keeps its mark, and then all do.
     */
    void leaveToComparison(long[] fromOffsets) {
        for (Epoch epoch : epochs) {
            if (epoch.holders > 0) {
                return;
            }
        }
        for (int i = 0; i < fromOffsets.length; i++) {
            DiskMap disk = disks.get(i);
            long granularity = disk.granularityBytes();
            long first = (fromOffsets[i] + granularity - 1) / granularity * granularity;
            if (first < disk.sizeBytes()) {
                disk.clear(PENDING, first, disk.sizeBytes() - first);
            }
        }
        countPending();
    }

    /** Keeps every block of every epoch until a sequence is journaled: the stream goes on. Only while nobody writes. */
    void holdAll(long endSequence) {
        for (DiskMap disk : disks) {
            for (int i = 1; i < EPOCHS; i++) {
                disk.merge(1 + i, 1);
                disk.clearAll(1 + i);
            }
        }
        for (Epoch epoch : epochs) {
            epoch.phase = Phase.FREE;
            epoch.used = false;
            epoch.firstSequence = 0;
        }
        epochs[0].phase = Phase.CLOSED;
        epochs[0].endSequence = endSequence;
        epochs[1].phase = Phase.OPEN;
        epochs[1].firstSequence = endSequence + 1;
        open = 1;
    }

    /** Forgets everything: all disks will be compared. Only while nobody writes. */
    void clearAll() {
        for (DiskMap disk : disks) {
            for (int i = 0; i <= EPOCHS; i++) {
                disk.clearAll(i);
            }
        }
        countPending();
    }

    /** Whether a block is marked anywhere; for checks. */
    boolean isDirty(int disk, long block) {
        for (int i = 0; i <= EPOCHS; i++) {
            if (disks.get(disk).isSet(i, block)) {
                return true;
            }
        }
        return false;
    }

    long markedBlocks(int disk) {
        long marked = 0;
        for (long block = 0; block < disks.get(disk).blocks(); block++) {
            marked += isDirty(disk, block) ? 1 : 0;
        }
        return marked;
    }

    void force() throws IOException {
        for (DiskMap disk : disks) {
            disk.force();
        }
    }

    @Override
    public void close() throws IOException {
        for (DiskMap disk : disks) {
            disk.close();
        }
    }
}

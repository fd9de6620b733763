package io.backhaul.source.ebpf;

import io.backhaul.blockio.bpf.BpfHandle;
import io.backhaul.blockio.bpf.PinFolder;
import io.backhaul.blockio.bpf.SharedMemory;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.source.Losses;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The ring as the kernel has it, by memory that is mapped: reading a record takes no call. Positions are those of the
 * kernel's ring.
 */
final class KernelRing implements CaptureRing {
    private static final long PATIENCE_NANOS = 500_000_000;
    private static final long UNTRACKED_NANOS = 30_000_000_000L;

    private final Parts parts;
    private final List<EbpfTarget> targets;
    private final long mask;
    private final ByteBuffer records;
    private final ByteBuffer notes;
    private final long settleNanos;
    private int epoch;
    private boolean settledOnce;
    private volatile long misses;
    private final boolean fresh;

    /** Everything mapped and open. */
    record Parts(SharedMemory consumer, SharedMemory producer, SharedMemory control, SharedMemory marks,
            SharedMemory notes, Kept kept) {}

    /**
     * What is held while the ring is open.
     *
     * @param queue
     *            the program that sees writes begin
     * @param links
     *            so that the programs run on whatever becomes of the pins
     * @param folder
     *            for nobody else to use or remove
     */
    record Kept(BpfHandle queue, List<BpfHandle> links, PinFolder folder) {}

    /**
     * Maps nothing by itself.
     *
     * @param settleNanos
     *            how long writes may be under way before their disk counts as stuck
     * @param fresh
     *            whether writes may be under way that were submitted before anyone looked
     */
    KernelRing(Parts parts, List<EbpfTarget> targets, int sizeBytes, long settleNanos, boolean fresh) {
        this.settleNanos = settleNanos;
        this.fresh = fresh;
        this.parts = parts;
        this.targets = List.copyOf(targets);
        this.mask = sizeBytes - 1L;
        this.records = parts.producer().slice(KernelLayout.RING_PAGE_BYTES, sizeBytes + KernelLayout.RING_MOST_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        this.notes = parts.notes().slice(0, Notes.LENGTH_BYTES);
        this.epoch = parts.control().getIntAcquire(KernelLayout.CONTROL_EPOCH);
    }

    @Override
    public long head() {
        return parts.producer().getAcquire(0);
    }

    @Override
    public long tail() {
        return parts.consumer().getAcquire(0);
    }

    @Override
    public boolean read(long position, Cursor cursor) {
        int at = (int) (position & mask);
        int header = parts.producer().getIntAcquire(KernelLayout.RING_PAGE_BYTES + at);
        if ((header & KernelLayout.RING_BUSY) != 0) {
            return false;
        }
        int length = header & ~(KernelLayout.RING_BUSY | KernelLayout.RING_DISCARDED);
        long next = position + (length + KernelLayout.RING_HEADER_BYTES + 7L) / 8 * 8;
        int record = at + KernelLayout.RING_HEADER_BYTES;
        if ((header & KernelLayout.RING_DISCARDED) != 0) {
            cursor.extent(Kind.NOTHING, 0, 0, 0);
            cursor.place(0, next);
            return true;
        }
        EbpfTarget target = targets.get(records.getShort(record + KernelLayout.RECORD_DISK));
        long offset = records.getLong(record + KernelLayout.RECORD_OFFSET);
        long bytes = Integer.toUnsignedLong(records.getInt(record + KernelLayout.RECORD_LENGTH));
        switch (records.getShort(record + KernelLayout.RECORD_KIND)) {
            case KernelLayout.KIND_DATA -> cursor.data(target.disk(), offset,
                    records.slice(record + KernelLayout.RECORD_BYTES, (int) bytes));
            case KernelLayout.KIND_ZERO -> cursor.extent(Kind.ZERO, target.disk(), offset, bytes);
            default -> cursor.extent(target.zeroesAfterDiscard() ? Kind.ZERO : Kind.UNKNOWN, target.disk(), offset,
                    bytes);
        }
        cursor.place(records.getLong(record + KernelLayout.RECORD_LOSSES), next);
        return true;
    }

    @Override
    public void release(long position) {
        parts.consumer().setRelease(0, position);
    }

    /** What did not fit or failed, and writes for which a program could not run at all. */
    @Override
    public long losses() throws IOException {
        // A write that is not seen to end only costs time; one that is not seen to begin is lost.
        misses = parts.kept().queue().misses();
        return parts.control().getAcquire(KernelLayout.CONTROL_LOST) + misses;
    }

    @Override
    public long takeLosses(Losses.Visitor visitor) {
        long missed = misses;
        long lost = parts.control().getVolatile(KernelLayout.CONTROL_LOST);
        long block = 1L << parts.control().getIntAcquire(KernelLayout.CONTROL_BLOCK_SHIFT);
        boolean unseen = missed > parts.control().getVolatile(KernelLayout.CONTROL_MISSES);
        for (int i = 0; i < targets.size(); i++) {
            EbpfTarget target = targets.get(i);
            int allLost = KernelLayout.target(i) + KernelLayout.TARGET_ALL_LOST;
            if (unseen || parts.control().getVolatile(allLost) != 0) {
                visitor.lost(target.disk(), 0, target.sizeBytes());
                parts.control().setVolatile(allLost, 0);
            }
            takeMarks(i, block, visitor);
        }
        parts.control().setVolatile(KernelLayout.CONTROL_MISSES, missed);
        return lost + missed;
    }

    private void takeMarks(int index, long blockBytes, Losses.Visitor visitor) {
        EbpfTarget target = targets.get(index);
        SharedMemory marks = parts.marks();
        long first = parts.control().getAcquire(KernelLayout.target(index) + KernelLayout.TARGET_FIRST_MARK);
        long blocks = (target.sizeBytes() + blockBytes - 1) / blockBytes;
        for (long block = 0; block < blocks; block++) {
            if (block % Long.BYTES == 0 && block + Long.BYTES <= blocks && marks.getVolatile(first + block) == 0) {
                block += Long.BYTES - 1;
            } else if (marks.getByte(first + block) != 0) {
                long offset = block * blockBytes;
                visitor.lost(target.disk(), offset, Math.min(blockBytes, target.sizeBytes() - offset));
                marks.setByte(first + block, (byte) 0);
            }
        }
    }

    @Override
    public long undurable() {
        return parts.control().getAcquire(KernelLayout.CONTROL_UNDURABLE);
    }

    @Override
    public void settle() throws IOException {
        flip();
        if (!settledOnce) {
            // What an earlier agent has left half done, or nobody has seen begin.
            flip();
            if (fresh) {
                BlockDevices.awaitQuiet(disks(), settleNanos / 2);
            }
            settledOnce = true;
        }
        long untracked = parts.control().getAcquire(KernelLayout.CONTROL_UNTRACKED);
        if (untracked != 0 && !SharedMemory.isLongAgo(untracked, UNTRACKED_NANOS)) {
            throw new IOException("more writes are under way than can be followed; the disk is read a little later");
        }
    }

    private List<String> disks() {
        return targets.stream().map(target -> target.whole().name()).distinct().toList();
    }

    /**
     * From now on new writes are counted elsewhere; returns when those before are done. A count that does not come down is
     * believed less than disks that have nothing to do.
     */
    private void flip() throws IOException {
        int counted = KernelLayout.CONTROL_IN_FLIGHT + (epoch & 1) * Long.BYTES;
        epoch++;
        parts.control().setIntVolatile(KernelLayout.CONTROL_EPOCH, epoch);
        for (long waited = 0; waited < settleNanos; waited += 2 * PATIENCE_NANOS) {
            if (parts.control().awaitZero(counted, PATIENCE_NANOS)
                    || BlockDevices.awaitQuiet(disks(), PATIENCE_NANOS)) {
                return;
            }
        }
        throw new IOException("writes have been under way for " + TimeUnit.NANOSECONDS.toSeconds(settleNanos)
                + " s and are not completed: is a disk stuck?");
    }

    @Override
    public ByteBuffer notes() {
        return notes;
    }

    @Override
    public void close() throws IOException {
        parts.consumer().close();
        parts.producer().close();
        parts.control().close();
        parts.marks().close();
        parts.notes().close();
        parts.kept().queue().close();
        parts.kept().links().forEach(BpfHandle::close);
        parts.kept().folder().close();
    }
}

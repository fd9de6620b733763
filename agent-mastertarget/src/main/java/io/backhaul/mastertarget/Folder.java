package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.mastertarget.Layers.Found;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Brings base disks to a later position: of every byte the newest version only, each frame read once, in the order of the
 * journal; what a group of frames brings is written in disk order and in large writes. A long stretch is done in steps, each
 * without what a later one overwrites. Memory is bounded by the group and by the extents of a step.
 * <p>
 * The pieces of all steps do not overlap, so that any order of writing gives the same disks, and doing a part of it again
 * changes nothing: a fold that was cut off is simply done again. Used by one lane at a time.
 */
final class Folder {
    /** How many extents a step may hold. */
    static final long STEP_EXTENTS = 1 << 17;
    private static final int GROUP_BYTES = 32 << 20;
    private static final int WRITE_BYTES = 1 << 20;
    private static final Comparator<Piece> BY_FRAME = Comparator.<Piece>comparingLong(piece -> piece.at().segment())
            .thenComparingInt(piece -> piece.at().offset());
    static final Comparator<Piece> BY_PLACE = Comparator.comparingInt(Piece::disk)
            .thenComparingLong(Piece::start);

    private final int[] indexes;
    private final DiskSink disks;
    private final Payloads payloads;
    private final Counts counts;
    private final Saver saver;
    private final ByteBuffer gathered = ByteBuffer.allocate(WRITE_BYTES);
    private int gatheredDisk;
    private long gatheredAt;

    /**
     * What a fold counts.
     *
     * @param done
     *            grows by what has been written or zeroed
     * @param total
     *            grows by what is known to be written or zeroed in the end
     */
    record Counts(AtomicLong done, AtomicLong total) {
        /** Nobody wants to know. */
        static final Counts NONE = new Counts(new AtomicLong(), new AtomicLong());
    }

    /**
     * A part of the stretch.
     *
     * @param later
     *            what lies between it and the end of the whole stretch
     */
    record Step(IndexStretch own, IndexStretch later) {}

    /** Sees what will be overwritten, before anything is. */
    @FunctionalInterface
    interface Saver {
        Saver NOTHING = work -> {};

        void save(List<Piece> work) throws IOException;
    }

    /**
     * @param indexes
     *            the machine's disks
     */
    Folder(int[] indexes, DiskSink disks, Payloads payloads, Counts counts, Saver saver) {
        this.indexes = indexes;
        this.disks = disks;
        this.payloads = payloads;
        this.counts = counts;
        this.saver = saver;
    }

    /** Does it. Nothing is durable before the disks are flushed. */
    void run(List<Step> steps) throws IOException {
        for (Step step : steps) {
            List<Piece> work = visible(step.own.open(indexes), step.later.open(indexes));
            counts.total.addAndGet(work.stream().mapToLong(Piece::lengthBytes).sum());
            saver.save(work);
            data(work.stream().filter(piece -> !piece.zero()).sorted(BY_FRAME).toList());
            zero(work);
        }
    }

    private static List<Piece> visible(Layers own, Layers later) throws IOException {
        while (true) {
            List<Piece> work = new ArrayList<>();
            try {
                Piece.Source all = own.all();
                for (Piece piece = all.next(); piece != null; piece = all.next()) {
                    if (later.isEmpty()) {
                        work.add(piece);
                        continue;
                    }
                    for (Found found : later.find(piece.disk(), piece.start(), piece.end())) {
                        if (found.piece() == null) {
                            work.add(piece.cut(found.from(), found.to()));
                        }
                    }
                }
                return work;
            } catch (DamagedRunException damage) {
                own.replace(damage.span());
            }
        }
    }

    private void data(List<Piece> byFrame) throws IOException {
        int at = 0;
        while (at < byFrame.size()) {
            Map<Placement, ByteBuffer> group = new HashMap<>();
            long bytes = 0;
            int end = at;
            while (end < byFrame.size()) {
                Placement frame = byFrame.get(end).at();
                if (!group.containsKey(frame)) {
                    if (bytes >= GROUP_BYTES) {
                        break;
                    }
                    ByteBuffer payload = payloads.read(frame);
                    group.put(frame, payload);
                    bytes += payload.capacity();
                }
                end++;
            }
            write(byFrame.subList(at, end).stream().sorted(BY_PLACE).toList(), group);
            at = end;
        }
    }

    private void write(List<Piece> byPlace, Map<Placement, ByteBuffer> group) throws IOException {
        for (Piece piece : byPlace) {
            ByteBuffer payload = group.get(piece.at());
            if (payload == null) {
                throw new IllegalStateException(piece + " of another group");
            }
            gather(piece, payload.slice(piece.payloadOffset(), piece.lengthBytes()));
        }
        flushGathered();
    }

    private void gather(Piece piece, ByteBuffer data) throws IOException {
        boolean adjoins = gatheredDisk == piece.disk() && gatheredAt + gathered.position() == piece.start()
                && gathered.remaining() >= data.remaining();
        if (gathered.position() > 0 && !adjoins) {
            flushGathered();
        }
        if (gathered.position() == 0) {
            gatheredDisk = piece.disk();
            gatheredAt = piece.start();
        }
        gathered.put(data);
    }

    private void flushGathered() throws IOException {
        if (gathered.position() > 0) {
            int length = gathered.position();
            disks.write(gatheredDisk, gatheredAt, gathered.flip());
            gathered.clear();
            counts.done.addAndGet(length);
        }
    }

    private void zero(List<Piece> work) throws IOException {
        for (Piece piece : work) {
            if (piece.zero()) {
                disks.zero(piece.disk(), piece.start(), piece.lengthBytes());
                counts.done.addAndGet(piece.lengthBytes());
            }
        }
    }
}

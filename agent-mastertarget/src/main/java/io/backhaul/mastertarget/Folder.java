package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Brings base disks to a later position: of every byte the newest version only, each frame read once, in the order of the
 * journal; what a group of frames brings is written in disk order and in large writes. Memory is bounded by the group.
 * <p>
 * The pieces of an {@link ExtentMap} do not overlap, so that any order of writing gives the same disks, and doing a part
 * of it again changes nothing: a fold that was cut off is simply done again. Used by one lane at a time.
 */
final class Folder {
    private static final int GROUP_BYTES = 32 << 20;
    private static final int WRITE_BYTES = 1 << 20;

    private final BaseSet disks;
    private final Payloads payloads;
    private final AtomicLong doneBytes;
    private final List<Plan> plans = new ArrayList<>();
    private final IndexSnapshot snapshot;
    private final ByteBuffer gathered;
    private long gatheredAt;

    /** What is to be done to one disk. */
    private record Plan(BaseDisk disk, ExtentMap map) {}

    /**
     * @param doneBytes
     *            grows by what has been written or zeroed
     */
    Folder(BaseSet disks, IndexSnapshot snapshot, Payloads payloads, AtomicLong doneBytes) {
        this.disks = disks;
        this.snapshot = snapshot;
        this.payloads = payloads;
        this.doneBytes = doneBytes;
        for (BaseDisk disk : disks.all()) {
            plans.add(new Plan(disk, snapshot.map(disk.placed().index())));
        }
        this.gathered = ByteBuffer.allocate((int) Math.min(WRITE_BYTES, totalBytes()));
    }

    /** How many bytes will be written and zeroed. */
    long totalBytes() {
        long total = 0;
        for (Plan plan : plans) {
            for (int piece = 0; piece < plan.map.count(); piece++) {
                total += plan.map.lengthBytes(piece);
            }
        }
        return total;
    }

    /** Does it. Nothing is durable before the disks are flushed. */
    void run() throws IOException {
        disks.mend();
        long[] work = dataPieces();
        int at = 0;
        while (at < work.length) {
            Map<Placement, ByteBuffer> group = new HashMap<>();
            long bytes = 0;
            int end = at;
            while (end < work.length) {
                Placement frame = snapshot.placement(ordinal(work[end]));
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
            write(work, at, end, group);
            at = end;
        }
        zero();
    }

    /** Data pieces as ordinal and number, sorted by ordinal, which is the order of the journal. */
    private long[] dataPieces() {
        int count = 0;
        for (Plan plan : plans) {
            count += plan.map.count();
        }
        long[] work = new long[count];
        int used = 0;
        int number = 0;
        for (Plan plan : plans) {
            for (int piece = 0; piece < plan.map.count(); piece++, number++) {
                int ordinal = plan.map.ordinal(piece);
                if (!snapshot.isZero(ordinal)) {
                    work[used++] = (long) ordinal << 32 | number;
                }
            }
        }
        long[] data = Arrays.copyOf(work, used);
        Arrays.sort(data);
        return data;
    }

    private static int ordinal(long work) {
        return (int) (work >>> 32);
    }

    /** Writes the pieces of a group in disk order; pieces are numbered so. */
    private void write(long[] work, int from, int to, Map<Placement, ByteBuffer> group) throws IOException {
        int[] numbers = new int[to - from];
        for (int i = from; i < to; i++) {
            numbers[i - from] = (int) work[i];
        }
        Arrays.sort(numbers);
        int plan = 0;
        int firstNumber = 0;
        for (int number : numbers) {
            while (number - firstNumber >= plans.get(plan).map.count()) {
                flushGathered(plans.get(plan).disk);
                firstNumber += plans.get(plan++).map.count();
            }
            gather(plans.get(plan), number - firstNumber, group);
        }
        flushGathered(plans.get(plan).disk);
    }

    private void gather(Plan plan, int piece, Map<Placement, ByteBuffer> group) throws IOException {
        int ordinal = plan.map.ordinal(piece);
        long start = plan.map.start(piece);
        ByteBuffer payload = group.get(snapshot.placement(ordinal));
        if (payload == null) {
            throw new IllegalStateException("piece " + piece + " of another group");
        }
        ByteBuffer data = payload.slice(snapshot.payloadOffset(ordinal, start), plan.map.lengthBytes(piece));
        boolean adjoins = gatheredAt + gathered.position() == start && gathered.remaining() >= data.remaining();
        if (gathered.position() > 0 && !adjoins) {
            flushGathered(plan.disk);
        }
        if (gathered.position() == 0) {
            gatheredAt = start;
        }
        gathered.put(data);
    }

    private void flushGathered(BaseDisk disk) throws IOException {
        if (gathered.position() > 0) {
            int length = gathered.position();
            disk.write(gatheredAt, gathered.flip());
            gathered.clear();
            doneBytes.addAndGet(length);
        }
    }

    private void zero() throws IOException {
        for (Plan plan : plans) {
            for (int piece = 0; piece < plan.map.count(); piece++) {
                if (snapshot.isZero(plan.map.ordinal(piece))) {
                    plan.disk.zero(plan.map.start(piece), plan.map.lengthBytes(piece));
                    doneBytes.addAndGet(plan.map.lengthBytes(piece));
                }
            }
        }
    }
}

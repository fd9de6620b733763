package io.backhaul.source.ebpf;

import io.backhaul.source.Losses;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/** The kernel's side in memory: a ring of records that outlives the agent, marks of what did not fit, writes under way. */
public final class MemoryRing {
    /** A longer write takes several records, and may stand in the stream in part. */
    public static final int PIECE_BYTES = 16 << 10;

    private record Entry(int disk, long offset, ByteBuffer data, long losses, long next) {}

    private record Extent(int disk, long offset, long lengthBytes) {}

    private final int capacityBytes;
    private final TreeMap<Long, Entry> records = new TreeMap<>();
    private final List<Extent> lost = new ArrayList<>();
    private final List<Extent> underWay = new ArrayList<>();
    private final ByteBuffer notes = ByteBuffer.allocateDirect(Notes.LENGTH_BYTES);
    private long head;
    private long tail;
    private long losses;
    private long undurable;
    private long lastRead;

    public MemoryRing(int capacityBytes) {
        this.capacityBytes = capacityBytes;
    }

    /** A write is submitted: in pieces, as the kernel does it. */
    public void submit(int disk, long offset, ByteBuffer data) {
        long before = losses;
        underWay.add(new Extent(disk, offset, data.remaining()));
        for (int done = 0; done < data.limit();) {
            int part = Math.min(PIECE_BYTES, data.limit() - done);
            if (head + part + 48 - tail > capacityBytes) {
                lost.add(new Extent(disk, offset + done, data.limit() - done));
                losses++;
                return;
            }
            byte[] bytes = new byte[part];
            data.get(done, bytes);
            records.put(head, new Entry(disk, offset + done, ByteBuffer.wrap(bytes), before, head + part + 48));
            head += part + 48;
            done += part;
        }
    }

    /** A write that was submitted is on its disk. */
    public void completed(int disk, long offset) {
        underWay.removeIf(each -> each.disk == disk && each.offset == offset);
    }

    /** A write that was submitted was refused by its disk. */
    public void refused(int disk, long offset, long lengthBytes) {
        lost.add(new Extent(disk, offset, lengthBytes));
        losses++;
        completed(disk, offset);
    }

    public boolean isUnderWay(int disk, long offset, long lengthBytes) {
        return underWay.stream().anyMatch(each -> each.disk == disk && each.offset < offset + lengthBytes
                && offset < each.offset + each.lengthBytes);
    }

    public boolean isQuiet() {
        return underWay.isEmpty();
    }

    /** How many writes did not fit as a whole. */
    public long losses() {
        return losses;
    }

    /** A disk has failed a flush. */
    public void failFlush() {
        undurable++;
    }

    /** Whether everything has been read and nothing is marked. */
    public boolean isRead() {
        return lastRead >= head && lost.isEmpty();
    }

    /** The ring as an agent sees it. */
    public CaptureRing opened(Runnable settling) {
        lastRead = tail;
        return new CaptureRing() {
            @Override
            public long head() {
                return head;
            }

            @Override
            public long tail() {
                return tail;
            }

            @Override
            public boolean read(long position, Cursor cursor) {
                Entry entry = records.get(position);
                if (entry == null) {
                    throw new AssertionError("no record at " + position);
                }
                cursor.data(entry.disk, entry.offset, entry.data.duplicate());
                cursor.place(entry.losses, entry.next);
                lastRead = Math.max(lastRead, entry.next);
                return true;
            }

            @Override
            public void release(long position) {
                if (position < tail || position > head) {
                    throw new AssertionError(position + " is not between " + tail + " and " + head);
                }
                tail = position;
                records.headMap(position).clear();
            }

            @Override
            public long losses() {
                return losses;
            }

            @Override
            public long takeLosses(Losses.Visitor visitor) {
                lost.forEach(each -> visitor.lost(each.disk, each.offset, each.lengthBytes));
                lost.clear();
                return losses;
            }

            @Override
            public long undurable() {
                return undurable;
            }

            @Override
            public void settle() {
                settling.run();
            }

            @Override
            public ByteBuffer notes() {
                return notes;
            }

            @Override
            public void close() {}
        };
    }
}

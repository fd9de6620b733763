package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;

/**
 * Where the journal holds what: a {@link SegmentTable} for each of its segments, oldest first. Made from the tables of
 * WRITES frames, which are never compressed, so that nothing is expanded on the way in. Rebuilt by a scan at start.
 * <p>
 * Owned by the machine's loop; what {@link #snapshot} answers may go anywhere.
 */
final class JournalIndex {
    private final Deque<SegmentTable> tables = new ArrayDeque<>();

    /** Takes the next frame of the journal, which is durable. */
    void add(Frame frame, Placement at) throws MalformedBodyException {
        SegmentTable tail = tables.peekLast();
        if (tail == null || tail.segment() != at.segment()) {
            tail = new SegmentTable(at.segment());
            tables.addLast(tail);
        }
        tail.add(frame, at);
    }

    /** The extents after {@code after} up to {@code upTo}. */
    IndexSnapshot snapshot(Position after, Position upTo) {
        List<TableSlice> slices = new ArrayList<>();
        for (SegmentTable table : tables) {
            TableSlice slice = table.slice(after, upTo);
            if (slice.count() > 0) {
                slices.add(slice);
            }
        }
        return new IndexSnapshot(slices);
    }

    /** The last position of the newest frame that is not later than {@code timeMicros}; NONE where all are. */
    Position lastUpTo(long timeMicros) {
        for (Iterator<SegmentTable> newestFirst = tables.descendingIterator(); newestFirst.hasNext();) {
            Position last = newestFirst.next().lastUpTo(timeMicros);
            if (!last.equals(Position.NONE)) {
                return last;
            }
        }
        return Position.NONE;
    }

    /** The time of the frame that holds the position, or of the newest one before it; {@code otherwise} where none is. */
    long timeAt(Position position, long otherwise) {
        long time = otherwise;
        for (SegmentTable table : tables) {
            long found = table.timeAt(position);
            time = found == 0 ? time : found;
        }
        return time;
    }

    /** The last position of the newest whole segment whose frames are all at or before {@code limit}. */
    Position lastWholeSegment(Position limit) {
        Position whole = Position.NONE;
        for (SegmentTable table : tables) {
            if (table != tables.peekLast() && limit.isAtLeast(table.last())) {
                whole = table.last();
            }
        }
        return whole;
    }

    /** How far the oldest segments must go, so that at least {@code bytes} go with them; the last one stays. */
    Position lastOfOldest(long bytes) {
        Position end = Position.NONE;
        long gone = 0;
        for (SegmentTable table : tables) {
            if (gone >= bytes || table == tables.peekLast()) {
                break;
            }
            gone += table.endBytes();
            end = table.last();
        }
        return end;
    }

    /** Forgets the segments that hold nothing after {@code before}. */
    void trimTo(Position before) {
        while (!tables.isEmpty() && before.isAtLeast(tables.getFirst().last())) {
            tables.removeFirst();
        }
    }

    void clear() {
        tables.clear();
    }

    long extents() {
        return tables.stream().mapToLong(SegmentTable::extents).sum();
    }

    long memoryBytes() {
        return tables.stream().mapToLong(SegmentTable::memoryBytes).sum();
    }
}

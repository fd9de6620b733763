package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.mastertarget.IndexStretch.Floor;
import io.backhaul.mastertarget.IndexStretch.Part;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Where the journal holds what. Counts in units: the newest one grows as a {@link UnitTable}, made from the tables of WRITES
 * frames, which are never compressed, so that nothing is expanded on the way in; sealed ones are in runs, see
 * {@link RunSet}. The tables of sealed units that no run holds yet are kept as far as there is room, and are read from the
 * journal again where they are needed otherwise.
 * <p>
 * Owned by the machine's loop; what {@link #stretch} answers may go anywhere.
 */
final class JournalIndex {
    private static final int TIMES_KEPT = 64;

    private final RunSet runs;
    private final IndexLimits limits;
    private final TreeMap<Long, UnitTable> tables = new TreeMap<>();
    private final Map<Position, Long> knownTimes = new LinkedHashMap<>();
    private Runnable sealed = () -> {};
    private long tailNumber;
    private @Nullable UnitTable tail;
    private Position last;

    /**
     * @param last
     *            where the units that {@code runs} knows end, or the journal begins
     * @param nextNumber
     *            what the next unit is called
     */
    JournalIndex(RunSet runs, IndexLimits limits, Position last, long nextNumber) {
        this.runs = runs;
        this.limits = limits;
        this.last = last;
        this.tailNumber = nextNumber;
    }

    /** Who is told that a unit has been sealed. */
    void whenSealed(Runnable task) {
        sealed = task;
    }

    RunSet runs() {
        return runs;
    }

    /** Takes the next frame of the journal, which is durable. */
    void add(Frame frame, Placement at) throws MalformedBodyException {
        UnitTable growing = growing(at);
        growing.add(frame, at);
        last = growing.last();
    }

    /** Takes note that frames cannot be read, as {@link UnitTable#lose} does. */
    void lose(SegmentDamage damage, long timeMicros, Map<Integer, Long> sizes) {
        UnitTable growing = growing(new Placement(damage.segment(), damage.offset(), damage.lengthBytes()));
        growing.lose(damage, timeMicros, sizes);
        last = growing.last();
    }

    private UnitTable growing(Placement at) {
        UnitTable growing = tail;
        if (growing != null && growing.isFullFor(at, limits.unitExtents())) {
            seal(growing);
            growing = null;
        }
        if (growing == null) {
            growing = new UnitTable(at.segment(), last);
            tail = growing;
        }
        return growing;
    }

    /** Ends the unit that grows. */
    void cut() {
        UnitTable growing = tail;
        if (growing != null) {
            seal(growing);
        }
    }

    private void seal(UnitTable table) {
        runs.units().put(tailNumber, table.unit(tailNumber));
        tables.put(tailNumber, table);
        tailNumber++;
        tail = null;
        keepWithin(limits.tableBytes());
        sealed.run();
    }

    private void keepWithin(long bytes) {
        long kept = tables.values().stream().mapToLong(UnitTable::memoryBytes).sum();
        while (kept > bytes && !tables.isEmpty()) {
            kept -= tables.pollFirstEntry().getValue().memoryBytes();
        }
    }

    /** The table of a sealed unit, where it is in memory. */
    @Nullable
    UnitTable table(long unit) {
        return tables.get(unit);
    }

    /** A run holds the unit. */
    void stored(RunHeader header) {
        if (runs.units().containsKey(header.span().last())) {
            runs.put(header);
            if (header.span().level() == 0) {
                tables.remove(header.span().first());
            }
        }
    }

    /** The segment behind which the newest unit lies; every unit before it is in a segment that is whole. */
    private long newestSegment() {
        UnitTable growing = tail;
        return growing != null ? growing.segment()
                : runs.units().isEmpty() ? 0 : runs.units().lastEntry().getValue().segment();
    }

    /** Whether it is the last unit of a segment behind which there is another. */
    private boolean endsSegment(IndexUnit unit) {
        IndexUnit next = runs.units().get(unit.number() + 1);
        return (next == null ? newestSegment() : next.segment()) != unit.segment();
    }

    private @Nullable UnitTable tableOf(long unit) {
        return unit == tailNumber ? tail : tables.get(unit);
    }

    /** The extents after {@code after} up to {@code upTo}, and perhaps some before, which the base disks hold as well. */
    IndexStretch stretch(Position after, Position upTo) {
        return stretch(after, upTo, false);
    }

    /** The extents after {@code after} up to {@code upTo}, and no others. */
    IndexStretch exactly(Position after, Position upTo) {
        return stretch(after, upTo, true);
    }

    private IndexStretch stretch(Position after, Position upTo, boolean exact) {
        List<Part> newestFirst = new ArrayList<>();
        IndexUnit newest = unitHolding(upTo);
        IndexUnit oldest = after.isBefore(upTo) ? unitBehind(after) : null;
        if (newest == null || oldest == null) {
            return new IndexStretch(runs, newestFirst, new Floor(0, 0), null);
        }
        boolean wholeAtEnd = newest.last().equals(upTo) && newest.number() < tailNumber;
        boolean wholeAtStart = !exact || oldest.before().equals(after);
        long first = wholeAtStart ? oldest.number() : oldest.number() + 1;
        long end = wholeAtEnd ? newest.number() : newest.number() - 1;
        boolean single = newest.number() == oldest.number();
        if (!wholeAtEnd) {
            Position from = single && exact ? after : newest.before();
            newestFirst.add(new Part.OfUnit(newest, tableOf(newest.number()), from, upTo));
        }
        runs.cover(first, end, exact, new RunSet.Covering() {
            @Override
            public void run(ExtentRun run) {
                newestFirst.add(new Part.OfRun(run));
            }

            @Override
            public void unit(IndexUnit unit) {
                newestFirst.add(new Part.OfUnit(unit, tables.get(unit.number()), unit.before(), unit.last()));
            }
        });
        if (!wholeAtStart && (!single || wholeAtEnd)) {
            newestFirst.add(new Part.OfUnit(oldest, tableOf(oldest.number()), after, oldest.last()));
        }
        return new IndexStretch(runs, newestFirst, new Floor(oldest.segment(), oldest.reach().from()),
                newest);
    }

    /** The unit that the position is in; the newest one where it is behind all of them. */
    private @Nullable IndexUnit unitHolding(Position position) {
        UnitTable growing = tail;
        if (growing != null && growing.before().isBefore(position)) {
            return growing.unit(tailNumber);
        }
        IndexUnit behind = unitEndingAt(position);
        Map.Entry<Long, IndexUnit> newest = runs.units().lastEntry();
        return behind == null && newest != null && newest.getValue().before().isBefore(position) ? newest.getValue()
                : behind;
    }

    /** The oldest unit that ends at or behind the position and begins before it. */
    private @Nullable IndexUnit unitEndingAt(Position position) {
        IndexUnit found = sealedEndingAt(position);
        return found != null && found.before().isBefore(position) ? found : null;
    }

    /** The unit that holds the record behind the position. */
    private @Nullable IndexUnit unitBehind(Position position) {
        IndexUnit found = sealedEndingAt(position);
        if (found != null && found.last().equals(position)) {
            found = runs.units().get(found.number() + 1);
        }
        UnitTable growing = tail;
        return found == null && growing != null && position.isBefore(growing.last()) ? growing.unit(tailNumber) : found;
    }

    /** The oldest sealed unit of which the last position is at or behind this one. */
    private @Nullable IndexUnit sealedEndingAt(Position position) {
        if (runs.units().isEmpty()) {
            return null;
        }
        long low = runs.units().firstKey();
        long high = runs.units().lastKey() + 1;
        while (low < high) {
            long middle = (low + high) >>> 1;
            IndexUnit unit = runs.units().get(middle);
            if (unit != null && unit.last().isBefore(position)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return runs.units().get(low);
    }

    /**
     * Where a stretch may be cut so that each part holds few extents: positions between the two, rising, the last of them
     * {@code upTo}.
     */
    List<Position> cuts(Position after, Position upTo, long extents) {
        List<Position> cuts = new ArrayList<>();
        long gathered = 0;
        for (IndexUnit unit : runs.units().values()) {
            if (after.isBefore(unit.last()) && unit.last().isBefore(upTo)) {
                gathered += unit.extents();
                if (gathered >= extents) {
                    cuts.add(unit.last());
                    gathered = 0;
                }
            }
        }
        cuts.add(upTo);
        return cuts;
    }

    /** The newest unit with a frame that is not later than {@code timeMicros}. */
    @Nullable
    IndexUnit newestUpTo(long timeMicros) {
        UnitTable growing = tail;
        if (growing != null && growing.unit(tailNumber).times().minMicros() <= timeMicros) {
            return growing.unit(tailNumber);
        }
        for (IndexUnit unit : runs.units().descendingMap().values()) {
            if (unit.times().minMicros() <= timeMicros) {
                return unit;
            }
        }
        return null;
    }

    /** Reads where frames of a unit are; made on the loop, opened where blocking is allowed. */
    TableSource source(IndexUnit unit) {
        UnitTable known = tableOf(unit.number());
        return known == null ? () -> runs.scan(unit, unit.before(), unit.last()) : () -> known;
    }

    /** Gives a table; may block. */
    @FunctionalInterface
    interface TableSource {
        UnitTable get() throws java.io.IOException;
    }

    /** The unit that holds the position, or the newest one that ends before it; null where all are behind it. */
    @Nullable
    IndexUnit unitAt(Position position) {
        IndexUnit holding = unitHolding(position);
        if (holding != null) {
            return holding;
        }
        IndexUnit found = null;
        for (IndexUnit unit : runs.units().values()) {
            found = position.isAtLeast(unit.last()) ? unit : found;
        }
        return found;
    }

    /** Remembers the time of a position, for a while. */
    void noteTime(Position position, long timeMicros) {
        knownTimes.remove(position);
        knownTimes.put(position, timeMicros);
        Iterator<Position> eldest = knownTimes.keySet().iterator();
        while (knownTimes.size() > TIMES_KEPT) {
            eldest.next();
            eldest.remove();
        }
    }

    /**
     * The time of the frame that holds the position, or of the newest one before it; {@code otherwise} where none is. Where
     * the unit is not in memory and nobody has noted it, that of the frame in front of the unit.
     */
    long timeAt(Position position, long otherwise) {
        Long known = knownTimes.get(position);
        IndexUnit unit = known == null ? unitAt(position) : null;
        if (known != null || unit == null) {
            return known == null ? otherwise : known;
        }
        if (position.isAtLeast(unit.last())) {
            return unit.times().lastMicros();
        }
        UnitTable table = tableOf(unit.number());
        if (table != null) {
            long found = table.timeAt(position);
            return found == 0 ? timeBefore(unit, otherwise) : found;
        }
        return timeBefore(unit, otherwise);
    }

    private long timeBefore(IndexUnit unit, long otherwise) {
        IndexUnit previous = runs.units().get(unit.number() - 1);
        return previous == null ? otherwise : previous.times().lastMicros();
    }

    /** The last position of the newest whole segment of which nothing is later than {@code timeMicros}, nor before it. */
    Position lastWholeSegmentUpTo(long timeMicros) {
        IndexUnit newest = newestUpTo(timeMicros);
        if (newest == null) {
            return Position.NONE;
        }
        boolean wholly = newest.times().lastMicros() <= timeMicros;
        Position whole = Position.NONE;
        for (IndexUnit unit : runs.units().headMap(newest.number(), wholly).values()) {
            whole = endsSegment(unit) ? unit.last() : whole;
        }
        return whole;
    }

    /** How far the oldest segments must go, so that at least {@code bytes} go with them; the last one stays. */
    Position lastOfOldest(long bytes) {
        Position end = Position.NONE;
        long gone = 0;
        for (IndexUnit unit : runs.units().values()) {
            if (gone >= bytes) {
                break;
            }
            if (endsSegment(unit)) {
                gone += unit.reach().end();
                end = unit.last();
            }
        }
        return end;
    }

    /** How many bytes the journal has behind the position, in sealed units. */
    long bytesAfter(Position position) {
        long bytes = 0;
        for (IndexUnit unit : runs.units().descendingMap().values()) {
            if (!position.isBefore(unit.last())) {
                break;
            }
            bytes += unit.reach().end() - unit.reach().from();
        }
        return bytes;
    }

    /** Forgets the units that hold nothing after {@code before}; answers the runs that are not needed any more. */
    List<RunHeader.Span> trimTo(Position before) {
        UnitTable growing = tail;
        if (growing != null && before.isAtLeast(growing.last())) {
            tail = null;
        }
        List<RunHeader.Span> gone = runs.trimTo(before);
        long oldest = runs.units().isEmpty() ? Long.MAX_VALUE : runs.units().firstKey();
        tables.headMap(oldest).clear();
        return gone;
    }

    long extents() {
        UnitTable growing = tail;
        return runs.units().values().stream().mapToLong(IndexUnit::extents).sum()
                + (growing == null ? 0 : growing.extents());
    }

    long memoryBytes() {
        UnitTable growing = tail;
        return tables.values().stream().mapToLong(UnitTable::memoryBytes).sum()
                + (growing == null ? 0 : growing.memoryBytes()) + runs.memoryBytes();
    }
}

package io.backhaul.mastertarget;

import io.backhaul.engine.log.LogCursor;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.mastertarget.RunHeader.Span;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The sealed units of a journal and the runs there are of them: one of level 0 for each unit, and of level n one for each
 * {@value #FAN_IN} neighbours of level n-1, counted from unit 1. Runs lie at multiples of what they span, so that what
 * covers a stretch of units is found by counting, and is at most {@value #FAN_IN}-1 runs of each level at its new end.
 * <p>
 * A run may reach back to units that are gone: what lies there is in the base disks. Every run can be made anew from those
 * below it, and those of level 0 from the journal. Changed by the machine's loop; may be read by any thread.
 */
final class RunSet {
    static final int FAN_IN = 4;
    static final int TOP_LEVEL = 12;

    private final SegmentLog log;
    private final UUID machine;
    private final RunFiles files;
    private final PageCache cache;
    private volatile Consumer<Span> damaged = span -> {};
    private final AtomicInteger lastNumber = new AtomicInteger();
    private final ConcurrentSkipListMap<Long, IndexUnit> units = new ConcurrentSkipListMap<>();
    private final List<ConcurrentSkipListMap<Long, ExtentRun>> levels = new ArrayList<>();

    RunSet(SegmentLog log, UUID machine, RunFiles files, long cacheBytes) {
        this.log = log;
        this.machine = machine;
        this.files = files;
        this.cache = new PageCache(cacheBytes);
        for (int level = 0; level <= TOP_LEVEL; level++) {
            levels.add(new ConcurrentSkipListMap<>());
        }
    }

    /** Who is told of runs that are not what was written, on the thread that found it. */
    void whenDamaged(Consumer<Span> told) {
        damaged = told;
    }

    UUID machine() {
        return machine;
    }

    RunFiles files() {
        return files;
    }

    SegmentLog log() {
        return log;
    }

    ConcurrentSkipListMap<Long, IndexUnit> units() {
        return units;
    }

    private static long unitsOf(int level) {
        return 1L << (2 * level);
    }

    /** The run of a level that the unit belongs to. */
    static Span span(int level, long unit) {
        long length = unitsOf(level);
        long first = (unit - 1) / length * length + 1;
        return new Span(level, first, first + length - 1);
    }

    /** A run has been found or written; its file is read anew, for another one may have stood there under its name. */
    void put(RunHeader header) {
        files.forget(header.span().fileName());
        levels.get(header.span().level()).put(header.span().first(),
                new ExtentRun(lastNumber.incrementAndGet(), header, files, cache));
    }

    void remove(Span span) {
        levels.get(span.level()).remove(span.first());
        files.forget(span.fileName());
    }

    @Nullable
    ExtentRun run(Span span) {
        return levels.get(span.level()).get(span.first());
    }

    /** The runs right below a span that its units need, oldest first; empty where some are missing. */
    List<ExtentRun> below(Span span) {
        List<ExtentRun> found = new ArrayList<>();
        long oldest = units.isEmpty() ? Long.MAX_VALUE : units.firstKey();
        for (long first = span.first(); first <= span.last(); first += unitsOf(span.level() - 1)) {
            Span child = span(span.level() - 1, first);
            ExtentRun run = run(child);
            if (run != null) {
                found.add(run);
            } else if (child.last() >= oldest) {
                return List.of();
            }
        }
        return found;
    }

    /**
     * Calls the fewest runs that cover the units, newest first; and each unit that no run covers.
     *
     * @param within
     *            whether runs that begin before {@code first} are left out
     */
    void cover(long first, long last, boolean within, Covering covering) {
        long at = last;
        while (at >= first) {
            ExtentRun widest = null;
            for (int level = TOP_LEVEL; level >= 0 && widest == null; level--) {
                Span span = span(level, at);
                widest = span.last() == at && (!within || span.first() >= first) ? run(span) : null;
            }
            IndexUnit unit = units.get(at);
            if (widest != null) {
                covering.run(widest);
                at = widest.span().first() - 1;
            } else {
                if (unit != null) {
                    covering.unit(unit);
                }
                at--;
            }
        }
    }

    /** Who is called. */
    interface Covering {
        void run(ExtentRun run);

        void unit(IndexUnit unit);
    }

    /** A reader has found that a run is not what was written. */
    void reportDamage(Span span) {
        damaged.accept(span);
    }

    /**
     * Reads a unit's table from the journal.
     *
     * @param after
     *            from where on it is needed
     * @param upTo
     *            how far
     * @throws StoreException
     *             of kind CORRUPT where the journal is not what was written
     */
    UnitTable scan(IndexUnit unit, Position after, Position upTo) throws IOException {
        UnitTable table = new UnitTable(unit.segment(), after);
        try (LogCursor cursor = log.cursor(after)) {
            while (table.last().isBefore(unit.last().min(upTo))) {
                Frame frame = cursor.next();
                if (frame == null) {
                    throw new StoreException(Kind.CORRUPT,
                            log.describe() + " ends at " + cursor.position() + ", before " + unit.last());
                }
                add(table, frame, cursor.placement());
            }
        }
        return table;
    }

    private void add(UnitTable table, Frame frame, Placement at) throws StoreException {
        try {
            table.add(frame, at);
        } catch (MalformedBodyException malformed) {
            throw new StoreException(Kind.CORRUPT, log.describe() + ": " + frame + ": " + malformed.getMessage(),
                    malformed);
        } finally {
            frame.release();
        }
    }

    /** Forgets units that hold nothing after the position, and runs of such units alone; answers which runs. */
    List<Span> trimTo(Position before) {
        while (!units.isEmpty() && before.isAtLeast(units.firstEntry().getValue().last())) {
            units.pollFirstEntry();
        }
        List<Span> gone = new ArrayList<>();
        long oldest = units.isEmpty() ? Long.MAX_VALUE : units.firstKey();
        for (ConcurrentSkipListMap<Long, ExtentRun> level : levels) {
            for (Map.Entry<Long, ExtentRun> each = level.firstEntry(); each != null
                    && each.getValue().span().last() < oldest; each = level.firstEntry()) {
                gone.add(each.getValue().span());
                remove(each.getValue().span());
            }
        }
        return gone;
    }

    /** All runs there are. */
    List<Span> spans() {
        return levels.stream().flatMap(level -> level.values().stream()).map(ExtentRun::span).toList();
    }

    long memoryBytes() {
        return cache.memoryBytes();
    }
}

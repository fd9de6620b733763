package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.LogCursor;
import io.backhaul.engine.log.SegmentDamage;
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
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out at start what runs there are and whether they fit the journal, and reads from the journal what no run holds: its
 * newest segment always, and what has been lost. What is damaged there is passed over, and is known to have written something.
 * The timeline learns of all of it. Used once, on the store lane.
 */
final class IndexOpening {
    private static final Logger LOG = LoggerFactory.getLogger(IndexOpening.class);
    private static final Pattern NAME = Pattern.compile("([0-9a-f]{16})-([0-9a-f]{2})\\.run");

    private final SegmentLog log;
    private final RunSet runs;
    private final IndexLimits limits;
    private final Timeline timeline;
    private final Checkpoint checkpoint;
    private final Position window;
    private final int[] disks;
    private final TreeMap<Long, RunHeader> ofUnits = new TreeMap<>();
    private final List<RunHeader> merged = new ArrayList<>();
    private final Map<Position, Long> times = new TreeMap<>();
    private final Map<Integer, Long> sizes = new TreeMap<>();
    private final List<Placement> damaged = new ArrayList<>();
    private long nextNumber = 1;
    private long lastMicros;

    /**
     * @param window
     *            the position that the timeline begins with
     */
    IndexOpening(RunSet runs, IndexLimits limits, Timeline timeline, Checkpoint checkpoint, Position window) {
        this.log = runs.log();
        this.runs = runs;
        this.limits = limits;
        this.timeline = timeline;
        this.checkpoint = checkpoint;
        this.window = window;
        this.disks = checkpoint.disks().stream().mapToInt(PlacedDisk::index).sorted().toArray();
        this.lastMicros = checkpoint.base().timeMicros();
        checkpoint.disks().forEach(each -> sizes.put(each.index(), each.disk().sizeBytes()));
    }

    /** Opens the index of a journal. */
    JournalIndex run() throws IOException {
        list();
        Position at = chain(log.before());
        JournalIndex index = new JournalIndex(runs, limits, at, nextNumber);
        index.whenSealed(() -> store(index));
        rest(index, at);
        merged.forEach(this::keepIfFits);
        times.forEach(index::noteTime);
        clean();
        return index;
    }

    /** Gives up all runs there are: there is no journal. */
    static JournalIndex fresh(RunSet runs, IndexLimits limits, Position before) {
        Volume volume = runs.files().volume();
        try {
            for (String name : volume.list("")) {
                runs.files().delete(name);
            }
        } catch (IOException failed) {
            LOG.debug("old runs stay in {}: {}", volume.describe(), failed.getMessage());
        }
        return new JournalIndex(runs, limits, before, 1);
    }

    private void list() throws IOException {
        for (String name : runs.files().volume().list("")) {
            Matcher matcher = NAME.matcher(name);
            if (!matcher.matches()) {
                continue;
            }
            Span span = RunSet.span(Integer.parseInt(matcher.group(2), 16),
                    Long.parseUnsignedLong(matcher.group(1), 16));
            try {
                RunHeader header = ExtentRun.open(runs.files(), runs.machine(), span);
                if (span.level() == 0) {
                    ofUnits.put(span.first(), header);
                } else if (span.level() <= RunSet.TOP_LEVEL) {
                    merged.add(header);
                }
            } catch (DamagedRunException damaged) {
                LOG.warn("index of machine {}: {}", runs.machine(), damaged.getMessage());
            }
        }
    }

    /** Takes units from runs as far as they follow each other, up to the newest segment. */
    private Position chain(Position before) throws IOException {
        RunHeader next = null;
        for (RunHeader header : ofUnits.values()) {
            next = next == null && header.reach().before().equals(before) ? header : next;
        }
        nextNumber = next == null ? 1 : next.span().first();
        Position at = before;
        while (next != null && next.reach().before().equals(at)
                && next.reach().lastSegment() < log.newestSegment() && log.synced().isAtLeast(next.reach().last())) {
            try {
                recall(next);
            } catch (DamagedRunException damaged) {
                LOG.warn("index of machine {}: {}", runs.machine(), damaged.getMessage());
                return at;
            }
            IndexUnit unit = next.unit();
            runs.units().put(unit.number(), unit);
            runs.put(next);
            at = unit.last();
            lastMicros = unit.times().lastMicros();
            nextNumber++;
            next = ofUnits.get(nextNumber);
        }
        return at;
    }

    /** The next frame; what cannot be read in front of it is passed over. */
    private @Nullable Frame next(LogCursor cursor, Consumer<SegmentDamage> passed) throws IOException {
        while (true) {
            try {
                return cursor.next();
            } catch (StoreException failed) {
                SegmentDamage damage = cursor.skip();
                if (damage == null) {
                    throw failed;
                }
                LOG.warn("{}; passed over", failed.getMessage());
                damaged.add(new Placement(damage.segment(), damage.offset(), damage.lengthBytes()));
                if (damage.takesRecords()) {
                    passed.accept(damage);
                }
            }
        }
    }

    /** Where the journal could not be read. */
    List<Placement> damaged() {
        return damaged;
    }

    /** Tells the timeline that frames cannot be read. */
    private void lose(SegmentDamage damage, boolean mayHoldFidelity) {
        for (Position each : List.of(window, checkpoint.base().position(), checkpoint.foldTarget())) {
            if (damage.after().isBefore(each) && damage.upTo().isAtLeast(each)) {
                times.put(each, lastMicros);
            }
        }
        if (!window.isBefore(damage.upTo())) {
            return;
        }
        if (mayHoldFidelity) {
            timeline.lose(damage.upTo());
        } else {
            timeline.pass(damage.upTo(), lastMicros);
        }
    }

    /** Tells the timeline what a unit says. */
    private void recall(RunHeader header) throws IOException {
        IndexUnit unit = header.unit();
        Position target = checkpoint.foldTarget();
        List<IndexUnit.Event> events = RunEvents.read(runs.files(), header);
        if (unit.holds(window) || unit.holds(target)) {
            try (LogCursor cursor = log.cursor(unit.before())) {
                while (cursor.position().isBefore(unit.last())) {
                    Frame frame = next(cursor, damage -> lose(damage, damage.mayHoldFidelity()
                            && events.stream().anyMatch(event -> damage.holds(event.at()))));
                    if (frame == null || unit.last().isBefore(frame.first())) {
                        release(frame);
                        break;
                    }
                    take(frame, null, cursor.placement());
                }
            }
        } else if (unit.before().isAtLeast(window)) {
            for (IndexUnit.Event event : events) {
                if (!event.before().equals(Position.NONE)) {
                    timeline.pass(event.before(), event.beforeMicros());
                }
                recall(event, unit);
            }
            timeline.pass(unit.last(), unit.times().lastMicros());
        }
    }

    private void recall(IndexUnit.Event event, IndexUnit unit) throws IOException {
        try {
            take(log.read(event.at()), null, event.at());
        } catch (StoreException failed) {
            if (failed.kind() != Kind.CORRUPT) {
                throw failed;
            }
            damaged.add(event.at());
            List<SegmentDamage> found = log.look(event.at());
            if (found.isEmpty() || found.stream().anyMatch(SegmentDamage::mayHoldFidelity)) {
                timeline.lose(event.before().max(unit.before()));
            }
        }
    }

    private static void release(@Nullable Frame frame) {
        if (frame != null) {
            frame.release();
        }
    }

    /** Reads the rest from the journal. Units that are found again in a run as they were are not written again. */
    private void rest(JournalIndex index, Position from) throws IOException {
        try (LogCursor cursor = log.cursor(from)) {
            Consumer<SegmentDamage> passed = damage -> {
                index.lose(damage, lastMicros, sizes);
                lose(damage, damage.mayHoldFidelity());
            };
            Frame frame = next(cursor, passed);
            while (frame != null) {
                take(frame, index, cursor.placement());
                frame = next(cursor, passed);
            }
        }
    }

    private void take(Frame frame, @Nullable JournalIndex index, Placement at) throws StoreException {
        lastMicros = frame.timeMicros();
        try {
            if (index != null) {
                index.add(frame, at);
            }
            if (window.isBefore(frame.last())) {
                timeline.add(frame);
            } else if (frame.last().equals(window)) {
                timeline.recall(frame);
            }
            note(window, frame);
            note(checkpoint.base().position(), frame);
            note(checkpoint.foldTarget(), frame);
        } catch (MalformedBodyException malformed) {
            throw new StoreException(Kind.CORRUPT, log.describe() + ": " + frame + ": " + malformed.getMessage(),
                    malformed);
        } finally {
            frame.release();
        }
    }

    private void note(Position position, Frame frame) {
        if (position.isAtLeast(frame.first()) && frame.last().isAtLeast(position)) {
            times.put(position, frame.timeMicros());
        }
    }

    /** A unit has been read again: its run stands if it says the same. */
    private void store(JournalIndex index) {
        IndexUnit unit = runs.units().lastEntry().getValue();
        RunHeader known = ofUnits.get(unit.number());
        UnitTable table = index.table(unit.number());
        try {
            if (known != null && known.unit().equals(unit)) {
                index.stored(known);
            } else if (table != null) {
                index.stored(RunWriter.write(runs.files().volume(), runs.machine(), unit, table, disks));
            }
        } catch (IOException failed) {
            LOG.debug("run of unit {} is made later: {}", unit.number(), failed.getMessage());
        }
    }

    private void keepIfFits(RunHeader header) {
        IndexUnit oldest = runs.units().get(header.span().first());
        IndexUnit newest = runs.units().get(header.span().last());
        boolean begins = oldest == null
                ? !runs.units().isEmpty() && runs.units().firstKey() > header.span().first()
                        && runs.units().firstEntry().getValue().before().isAtLeast(header.reach().before())
                : oldest.before().equals(header.reach().before());
        if (begins && newest != null && newest.last().equals(header.reach().last())
                && newest.segment() == header.reach().lastSegment() && newest.reach().end() == header.reach().end()) {
            runs.put(header);
        }
    }

    /** Deletes what is no run of this journal; what cannot be deleted now is no harm, and goes the next time. */
    private void clean() {
        Set<String> needed = runs.spans().stream().map(Span::fileName).collect(Collectors.toSet());
        try {
            for (String name : runs.files().volume().list("")) {
                if (!needed.contains(name)) {
                    runs.files().delete(name);
                }
            }
        } catch (IOException failed) {
            LOG.debug("old runs stay in {}: {}", runs.files().volume().describe(), failed.getMessage());
        }
    }
}

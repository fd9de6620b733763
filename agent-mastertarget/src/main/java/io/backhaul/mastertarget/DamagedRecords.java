package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.mastertarget.Layers.Found;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Records of the journal that cannot be read any more, and from which point on they are superseded: whatever they wrote
 * has been written again by then. Owned by the machine's loop; a {@link Question} is answered where blocking is allowed.
 */
final class DamagedRecords {
    private static final Position NEVER = new Position(Long.MAX_VALUE, Long.MAX_VALUE);

    /** Of so many units the ends are looked at. */
    private static final int UNITS = 64;

    private final SegmentDamage damage;
    private final Units units;
    private final @Nullable Contents contents;
    private Position supersededAt = NEVER;
    private Position examined = Position.NONE;

    /**
     * The units that the records are in: in them the index knows what is newest at the end only, so that a state amid them
     * does not do without the records.
     */
    private record Units(Position before, Position last) {}

    /** Points that are not offered: all between two that may be. */
    record Hidden(Position after, Position until) {
        boolean holds(Position point) {
            return after.isBefore(point) && point.isBefore(until);
        }
    }

    /** What the records wrote, as the runs or tables of their units say. */
    private static final class Contents {
        private final SegmentDamage damage;
        private final List<Piece.Source> units;
        private final Position last;
        private @Nullable List<Piece> known;

        Contents(SegmentDamage damage, List<Piece.Source> units, Position last) {
            this.damage = damage;
            this.units = units;
            this.last = last;
        }

        /** Where the newest bytes of a unit are among them; zeroes need no frame. */
        List<Piece> pieces() throws IOException {
            List<Piece> found = known;
            if (found == null) {
                found = new ArrayList<>();
                for (Piece.Source unit : units) {
                    for (Piece piece = unit.next(); piece != null; piece = unit.next()) {
                        if (needs(piece)) {
                            found.add(piece);
                        }
                    }
                }
                known = found;
            }
            return found;
        }

        private boolean needs(Piece piece) {
            return !piece.zero() && damage.holds(piece.at());
        }

        boolean areNeededBy(Layers layers) throws IOException {
            for (Piece piece : pieces()) {
                for (Found found : layers.find(piece.disk(), piece.start(), piece.end())) {
                    Piece newest = found.piece();
                    if (newest != null && needs(newest)) {
                        return true;
                    }
                }
            }
            return false;
        }
    }

    private record Candidate(Position point, IndexStretch stretch) {}

    /** From which of some points on the records are not needed. */
    static final class Question {
        private final Contents contents;
        private final List<Candidate> rising;
        private final int[] disks;

        private Question(Contents contents, List<Candidate> rising, int[] disks) {
            this.contents = contents;
            this.rising = rising;
            this.disks = disks;
        }

        /** NONE where all of them need the records: whatever one point does not need, no later one does. Blocks. */
        Position answer() throws IOException {
            int low = 0;
            int high = rising.size();
            while (low < high) {
                // The newest first: mostly that is the answer for all.
                int middle = high == rising.size() ? high - 1 : (low + high) >>> 1;
                if (contents.areNeededBy(rising.get(middle).stretch.open(disks))) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low == rising.size() ? Position.NONE : rising.get(low).point;
        }
    }

    private DamagedRecords(SegmentDamage damage, Units units, @Nullable Contents contents) {
        this.damage = damage;
        this.units = units;
        this.contents = contents;
    }

    static DamagedRecords of(SegmentDamage damage, Replica replica) {
        if (!damage.takesRecords()) {
            return new DamagedRecords(damage, new Units(damage.after(), damage.upTo()), null);
        }
        // Of a unit that grows on, no point could be opened once it is known from the journal only.
        replica.index().cut();
        Position before = damage.after();
        Position last = damage.upTo();
        for (IndexUnit unit : replica.index().runs().units().values()) {
            if (isIn(damage, unit)) {
                before = before.min(unit.before());
                last = last.max(unit.last());
            }
        }
        return new DamagedRecords(damage, new Units(before, last), contents(damage, replica, last));
    }

    private static boolean isIn(SegmentDamage damage, IndexUnit unit) {
        return unit.before().isBefore(damage.upTo()) && damage.after().isBefore(unit.last());
    }

    /** Null where only the journal itself could say so. */
    private static @Nullable Contents contents(SegmentDamage damage, Replica replica, Position last) {
        JournalIndex index = replica.index();
        List<Piece.Source> sources = new ArrayList<>();
        for (IndexUnit unit : index.runs().units().values()) {
            if (isIn(damage, unit)) {
                ExtentRun run = index.runs().run(RunSet.span(0, unit.number()));
                UnitTable table = index.table(unit.number());
                if (run != null) {
                    sources.add(run.all());
                } else if (table != null) {
                    sources.add(new SnapshotPieces(new IndexSnapshot(List.of(table.slice(unit.before(), unit.last()))),
                            replica.disks().indexes()));
                } else {
                    return null;
                }
            }
        }
        return sources.isEmpty() ? null : new Contents(damage, sources, last);
    }

    /** Both, and what lies between; nothing is known of what that wrote. */
    DamagedRecords widened(SegmentDamage other) {
        SegmentDamage wide = new SegmentDamage(Math.max(damage.segment(), other.segment()), 0, Integer.MAX_VALUE,
                damage.after().min(other.after()), damage.upTo().max(other.upTo()), "much is damaged");
        return new DamagedRecords(wide, new Units(units.before.min(other.after()), units.last.max(other.upTo())), null);
    }

    SegmentDamage damage() {
        return damage;
    }

    boolean isInFileOf(DamagedRecords other) {
        return damage.segment() == other.damage.segment();
    }

    boolean isSuperseded() {
        return !supersededAt.equals(NEVER);
    }

    /** The first point known that does not need them; one that never comes where none is known. */
    Position supersededAt() {
        return supersededAt;
    }

    void supersede(Position at) {
        supersededAt = at;
    }

    /** Whether a position is behind their beginning and before what supersedes them. */
    boolean isInside(Position position) {
        return hiddenUntil(supersededAt).holds(position);
    }

    private Hidden hiddenUntil(Position until) {
        return new Hidden(damage.after(), until);
    }

    /** Whether points that are built upon a state can do without the records. */
    boolean isBehind(Position state) {
        return state.isAtLeast(units.last);
    }

    /** Whether a part of the units of the records, from a position on, is told by the journal only where that is damaged. */
    boolean splits(Position from, Position to) {
        return units.before.isBefore(from) && from.isBefore(units.last)
                && (from.isBefore(damage.upTo()) || to.isAtLeast(supersededAt));
    }

    /** Which points cannot be opened: those behind a state that holds what the records wrote can. */
    Hidden hidden(UndoSet undo, Position base) {
        Position until = undo.all().isEmpty() && isBehind(base) ? base : supersededAt;
        for (UndoFile file : undo.all()) {
            Position state = file.at().position();
            until = isBehind(state) ? until.min(state) : until;
        }
        return hiddenUntil(until.min(supersededAt));
    }

    /** What is to be found out now; null where nothing is. */
    @Nullable
    Question question(Replica replica) {
        Contents known = contents;
        Position newest = replica.timeline().newest();
        if (known == null || isSuperseded() || newest.equals(examined) || newest.isBefore(known.last)) {
            return null;
        }
        examined = newest;
        TreeSet<Position> points = new TreeSet<>(List.of(newest));
        replica.timeline().intervals(known.last, 0).forEach(interval -> points.add(interval.from()));
        List<IndexUnit> units = List.copyOf(replica.index().runs().units().values());
        for (int i = 0; i < units.size(); i += 1 + units.size() / UNITS) {
            points.add(units.get(i).last());
        }
        List<Candidate> rising = new ArrayList<>();
        for (Position point : points.tailSet(known.last)) {
            if (replica.timeline().isPoint(point)) {
                add(point, replica, rising);
            }
        }
        return new Question(known, rising, replica.disks().indexes());
    }

    private static void add(Position point, Replica replica, List<Candidate> rising) {
        Position state = replica.undo().startFor(point, replica.base());
        rising.add(new Candidate(point, replica.index().stretch(state, point)));
    }
}

package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.engine.log.StoreException;
import io.backhaul.mastertarget.Layers.Found;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Supplier;
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
    private boolean isInDoubt;

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

    /** Hears of what cannot do without the records. */
    interface Needed {
        /** Whether it goes on hearing. */
        boolean needs(int disk, long from, long to);
    }

    /** What the records wrote, as the runs or tables of their units say. Of one lane. */
    static final class Contents {
        private final SegmentDamage damage;
        private final List<Supplier<Piece.Source>> units;
        private final Position last;
        private @Nullable List<Piece> known;

        Contents(SegmentDamage damage, List<Supplier<Piece.Source>> units, Position last) {
            this.damage = damage;
            this.units = units;
            this.last = last;
        }

        /** Where the newest bytes of a unit are among them; zeroes need no frame. */
        List<Piece> pieces() throws IOException {
            List<Piece> found = known;
            if (found == null) {
                found = new ArrayList<>();
                for (Supplier<Piece.Source> each : units) {
                    Piece.Source unit = each.get();
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
            boolean[] needed = new boolean[1];
            visitNeeded(layers, (disk, from, to) -> {
                needed[0] = true;
                return false;
            });
            return needed[0];
        }

        /** Tells of the bytes of a state for which there is nothing but the records. Blocks. */
        void visitNeeded(Layers layers, Needed visitor) throws IOException {
            for (Piece piece : pieces()) {
                for (Found found : layers.find(piece.disk(), piece.start(), piece.end())) {
                    Piece newest = found.piece();
                    if (newest != null && needs(newest) && !visitor.needs(piece.disk(), found.from(), found.to())) {
                        return;
                    }
                }
            }
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
                if (isGood(rising.get(middle), middle == rising.size() - 1)) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            return low == rising.size() ? Position.NONE : rising.get(low).point;
        }

        /** What lies amid a unit that is damaged cannot be opened, whatever it needs. */
        private boolean isGood(Candidate candidate, boolean isNewest) throws IOException {
            try {
                return !contents.areNeededBy(candidate.stretch.open(disks));
            } catch (StoreException damaged) {
                if (isNewest || damaged.kind() != StoreException.Kind.CORRUPT) {
                    throw damaged;
                }
                return false;
            }
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
        List<Supplier<Piece.Source>> sources = new ArrayList<>();
        for (IndexUnit unit : index.runs().units().values()) {
            if (isIn(damage, unit)) {
                ExtentRun run = index.runs().run(RunSet.span(0, unit.number()));
                UnitTable table = index.table(unit.number());
                if (run != null) {
                    sources.add(run::all);
                } else if (table != null) {
                    IndexSnapshot snapshot = new IndexSnapshot(List.of(table.slice(unit.before(), unit.last())));
                    int[] disks = replica.disks().indexes();
                    sources.add(() -> new SnapshotPieces(snapshot, disks));
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
                damage.after().min(other.after()), damage.upTo().max(other.upTo()), null, "much is damaged");
        return new DamagedRecords(wide, new Units(units.before.min(other.after()), units.last.max(other.upTo())), null);
    }

    SegmentDamage damage() {
        return damage;
    }

    /** Whether nobody knows any more what they wrote, so that it can neither be asked for nor be found superseded. */
    boolean areUnknown() {
        return contents == null && damage.takesRecords();
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

    /** A question could not be answered, as where a run is not made yet. */
    void unanswered() {
        isInDoubt = true;
    }

    /** What could not be answered may be asked again. */
    void askAgain() {
        examined = isInDoubt ? Position.NONE : examined;
        isInDoubt = false;
    }

    /** What the newest point may lack; null where it lacks nothing of it, or nobody knows what the records wrote. */
    @Nullable
    Contents neededBy(Position newest, Replica replica) {
        Contents known = contents;
        boolean isNeeded = known != null && damage.takesRecords() && newest.isAtLeast(known.last)
                && hidden(replica.undo(), replica.base()).holds(newest);
        return isNeeded ? known : null;
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

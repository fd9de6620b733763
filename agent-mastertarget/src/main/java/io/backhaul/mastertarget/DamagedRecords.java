package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.mastertarget.Layers.Found;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Records of the journal that cannot be read any more, and from which point on they are superseded: whatever they wrote
 * has been written again by then. Owned by the machine's loop.
 */
final class DamagedRecords implements Damaged {
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

    /** What the records wrote, as the runs or tables of their units say. Of one lane. */
    static final class Contents implements Lacking {
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

        @Override
        public void visitNeeded(Position state, Layers layers, Needed visitor) throws IOException {
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

    @Override
    public boolean isOpen(Replica replica) {
        return !isSuperseded();
    }

    /** The first point known that does not need them; one that never comes where none is known. */
    Position supersededAt() {
        return supersededAt;
    }

    @Override
    public void supersede(Position at) {
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

    /** Those behind a state that holds what the records wrote can be opened. */
    @Override
    public List<Hidden> hidden(UndoSet undo, Position base) {
        Position until = undo.all().isEmpty() && isBehind(base) ? base : supersededAt;
        for (UndoFile file : undo.all()) {
            Position state = file.at().position();
            until = isBehind(state) ? until.min(state) : until;
        }
        return List.of(hiddenUntil(until.min(supersededAt)));
    }

    /** A question could not be answered, as where a run is not made yet. */
    @Override
    public void unanswered() {
        isInDoubt = true;
    }

    /** What could not be answered may be asked again. */
    @Override
    public void askAgain() {
        examined = isInDoubt ? Position.NONE : examined;
        isInDoubt = false;
    }

    @Override
    public @Nullable Lacking neededBy(Position newest, Replica replica) {
        Contents known = contents;
        boolean isNeeded = known != null && damage.takesRecords() && newest.isAtLeast(known.last)
                && hidden(replica.undo(), replica.base()).getFirst().holds(newest);
        return isNeeded ? known : null;
    }

    @Override
    public @Nullable Question question(Replica replica) {
        Contents known = contents;
        Position newest = replica.timeline().newest();
        if (known == null || isSuperseded() || newest.equals(examined) || newest.isBefore(known.last)) {
            return null;
        }
        examined = newest;
        return Question.about(known, known.last, NEVER, replica);
    }
}

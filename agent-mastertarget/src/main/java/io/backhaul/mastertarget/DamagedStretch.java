package io.backhaul.mastertarget;

import io.backhaul.mastertarget.Layers.Found;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of a base disk that is not what was written: on the disk, or as it was lost when it should have been saved before it was
 * overwritten. The points need it that are built upon a state which has it from there, and that the journal does not give it
 * to. Owned by the machine's loop.
 */
final class DamagedStretch implements Damaged {
    private BaseStretch place;
    private boolean onDisk;
    /** From which point on those that are built upon a state do without it, as far as that is known. */
    private final NavigableMap<Position, Position> supersededAt = new TreeMap<>();
    /** Up to which point that was looked for last. */
    private final Map<Position, Position> examined = new HashMap<>();
    private Position asking = Position.NONE;
    private @Nullable Position lookedAt;
    private boolean isInDoubt;

    /**
     * @param onDisk
     *            whether it is there now
     */
    DamagedStretch(BaseStretch place, boolean onDisk) {
        this.place = place;
        this.onDisk = onDisk;
    }

    BaseStretch place() {
        return place;
    }

    boolean isOnDisk() {
        return onDisk;
    }

    /** More is damaged beside it. */
    void widen(BaseStretch other) {
        place = place.with(other);
        forget();
    }

    private void forget() {
        supersededAt.clear();
        examined.clear();
    }

    /** Whether the disk may have been written there since it was looked at; from now on it counts as looked at. */
    boolean isToBeLookedAt(Position base) {
        boolean mayBeWritten = onDisk && !base.equals(lookedAt);
        lookedAt = base;
        return mayBeWritten;
    }

    /** The disk holds what was written up to an offset. */
    void isRightUpTo(long offset) {
        onDisk = offset < place.to();
        if (onDisk) {
            // What has been written in its stead may have rotted as well.
            forget();
        }
    }

    @Override
    public boolean isOpen(Replica replica) {
        Position newest = replica.timeline().newest();
        return hidden(replica.undo(), replica.base()).stream().anyMatch(each -> each.holds(newest));
    }

    @Override
    public void supersede(Position at) {
        supersededAt.put(asking, at);
    }

    /** Points that are built upon a state, one after the other: up to where the next state begins. */
    private record Span(Position state, Position end) {}

    private List<Span> lacking(UndoSet undo, Position base) {
        List<Position> states = undo.isEmpty() ? List.of(base)
                : undo.all().stream().map(file -> file.at().position()).toList();
        List<Span> spans = new ArrayList<>();
        for (int i = 0; i < states.size(); i++) {
            if (isLackedBy(states.get(i), undo)) {
                spans.add(new Span(states.get(i), i + 1 < states.size() ? states.get(i + 1) : NEVER));
            }
        }
        return spans;
    }

    private Position supersededAt(Position state, UndoSet undo) {
        // Where the disks are folded on, what was found out of them before counts until they have been looked at again.
        Map.Entry<Position, Position> known = undo.isEmpty() ? supersededAt.floorEntry(state) : null;
        return known == null ? supersededAt.getOrDefault(state, NEVER) : known.getValue();
    }

    @Override
    public List<Hidden> hidden(UndoSet undo, Position base) {
        return lacking(undo, base).stream()
                .map(span -> new Hidden(
                        new Position(span.state.generation(), Math.max(0, span.state.sequence() - 1)),
                        supersededAt(span.state, undo).min(span.end)))
                .filter(each -> each.after().plus(1).isBefore(each.until())).toList();
    }

    private boolean isLackedBy(Position state, UndoSet undo) {
        return undo.find(state, place.disk(), place.from(), place.to()).stream()
                .anyMatch(each -> isLost(each, onDisk));
    }

    private static boolean isLost(UndoSet.Found found, boolean onDisk) {
        return found.file() == null ? onDisk : found.lost();
    }

    @Override
    public @Nullable Lacking neededBy(Position newest, Replica replica) {
        return isOpen(replica) ? lacking(replica.undo()) : null;
    }

    private Lacking lacking(UndoSet undo) {
        BaseStretch where = place;
        boolean isThere = onDisk;
        return (state, layers, visitor) -> visit(where, isThere, undo, new At(state, layers), visitor);
    }

    private record At(Position state, Layers layers) {}

    private static void visit(BaseStretch where, boolean onDisk, UndoSet undo, At at, Needed visitor)
            throws IOException {
        for (Found found : at.layers.find(where.disk(), where.from(), where.to())) {
            if (found.piece() != null) {
                continue;
            }
            for (UndoSet.Found old : undo.find(at.state, where.disk(), found.from(), found.to())) {
                if (isLost(old, onDisk) && !visitor.needs(where.disk(), old.from(), old.to())) {
                    return;
                }
            }
        }
    }

    @Override
    public @Nullable Question question(Replica replica) {
        UndoSet undo = replica.undo();
        Position newest = replica.timeline().newest();
        for (Span span : lacking(undo, replica.base())) {
            Position limit = newest.min(span.end);
            boolean isKnown = !supersededAt(span.state, undo).equals(NEVER) || limit.equals(examined.get(span.state));
            if (!isKnown && limit.isAtLeast(span.state)) {
                asking = span.state;
                examined.put(asking, limit);
                return Question.about(lacking(undo), asking, span.end, replica);
            }
        }
        return null;
    }

    @Override
    public void unanswered() {
        isInDoubt = true;
    }

    @Override
    public void askAgain() {
        if (isInDoubt) {
            examined.clear();
        }
        isInDoubt = false;
    }
}

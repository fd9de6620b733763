package io.backhaul.mastertarget;

import io.backhaul.engine.log.StoreException;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Something stored that is not what was written, and that points need, until all that it held has been written again: from then on it
 * is superseded. Owned by the machine's loop; a {@link Question} is answered where blocking is allowed.
 */
sealed interface Damaged permits DamagedRecords, DamagedStretch {
    /** A position that never comes. */
    Position NEVER = new Position(Long.MAX_VALUE, Long.MAX_VALUE);

    /** Points that are not offered: all between two that may be. */
    record Hidden(Position after, Position until) {
        boolean holds(Position point) {
            return after.isBefore(point) && point.isBefore(until);
        }
    }

    /** Hears of what cannot do without the damaged. */
    interface Needed {
        /** Whether it goes on hearing. */
        boolean needs(int disk, long from, long to);
    }

    /** What may be lacking. Of one lane. */
    interface Lacking {
        /**
         * Tells of the bytes of a point for which there is nothing but the damaged. Blocks.
         *
         * @param state
         *            what the point is built upon
         * @param layers
         *            what the journal has behind that, up to the point
         */
        void visitNeeded(Position state, Layers layers, Needed visitor) throws IOException;
    }

    /** A point, and what is looked at for it. */
    record Candidate(Position point, Position state, IndexStretch stretch) {
        private boolean needs(Lacking lacking, int[] disks) throws IOException {
            boolean[] needed = new boolean[1];
            lacking.visitNeeded(state, stretch.open(disks), (disk, from, to) -> {
                needed[0] = true;
                return false;
            });
            return needed[0];
        }
    }

    /** From which of some points on the damaged is not needed. */
    final class Question {
        /** Of so many units the ends are looked at. */
        private static final int UNITS = 64;

        private final Lacking lacking;
        private final List<Candidate> rising;
        private final int[] disks;

        private Question(Lacking lacking, List<Candidate> rising, int[] disks) {
            this.lacking = lacking;
            this.rising = rising;
            this.disks = disks;
        }

        /** Of points from a position on, before another. */
        static Question about(Lacking lacking, Position from, Position end, Replica replica) {
            TreeSet<Position> points = new TreeSet<>(List.of(replica.timeline().newest()));
            replica.timeline().intervals(from, 0).forEach(interval -> points.add(interval.from()));
            List<IndexUnit> units = List.copyOf(replica.index().runs().units().values());
            for (int i = 0; i < units.size(); i += 1 + units.size() / UNITS) {
                points.add(units.get(i).last());
            }
            List<Candidate> rising = new ArrayList<>();
            for (Position point : points.subSet(from, end)) {
                if (replica.timeline().isPoint(point)) {
                    Position state = replica.undo().startFor(point, replica.base());
                    rising.add(new Candidate(point, state, replica.index().stretch(state, point)));
                }
            }
            return new Question(lacking, rising, replica.disks().indexes());
        }

        /** NONE where all of them need the damaged: whatever one point does not need, no later one does. Blocks. */
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
                return !candidate.needs(lacking, disks);
            } catch (StoreException damaged) {
                if (isNewest || damaged.kind() != StoreException.Kind.CORRUPT) {
                    throw damaged;
                }
                return false;
            }
        }
    }

    /** Whether it is still to be found out from where on it is not needed. */
    boolean isOpen(Replica replica);

    /** The answer: from a point on it is not needed. */
    void supersede(Position at);

    /** Which points cannot be opened. */
    List<Hidden> hidden(UndoSet undo, Position base);

    /** What the newest point may lack; null where it lacks nothing of it, or nobody knows what it was. */
    @Nullable
    Lacking neededBy(Position newest, Replica replica);

    /** What is to be found out now; null where nothing is. */
    @Nullable
    Question question(Replica replica);

    /** A question could not be answered, as where a run is not made yet. */
    void unanswered();

    /** What could not be answered may be asked again. */
    void askAgain();
}

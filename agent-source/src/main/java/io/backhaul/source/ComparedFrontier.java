package io.backhaul.source;

import io.backhaul.protocol.Position;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * How far a comparison has come for good: to where all that it sent is journaled, and marked no more. Whoever goes on with it
 * in another generation compares from there, so that what had been sent behind it needs no marks, which stand for far larger
 * blocks than those that differ. Used on the session's loop.
 */
final class ComparedFrontier {
    private static final int MAX_STEPS = 256;

    /** Disks are compared so far by what is in the stream up to a position. */
    private static final class Step {
        private final Position position;
        private final long[] comparedBytes;

        Step(Position position, long[] comparedBytes) {
            this.position = position;
            this.comparedBytes = comparedBytes;
        }
    }

    private final Deque<Step> steps = new ArrayDeque<>();

    /** Disks have been compared so far, and what differed is in the stream up to the position. */
    void reached(Position position, long[] comparedBytes) {
        Step last = steps.peekLast();
        if (last != null && (last.position.equals(position) || steps.size() == MAX_STEPS)) {
            steps.removeLast();
        }
        steps.addLast(new Step(position, comparedBytes));
    }

    /**
     * How far it has come for good, for each disk in bytes; null where no farther than was answered before.
     *
     * @param unmarkedBefore
     *            the sequence before which no block of a record is marked
     */
    long @Nullable [] settled(Position journaled, long unmarkedBefore) {
        long[] farthest = null;
        for (Step first = steps.peek(); first != null && journaled.isAtLeast(first.position)
                && first.position.sequence() < unmarkedBefore; first = steps.peek()) {
            farthest = steps.remove().comparedBytes;
        }
        return farthest;
    }

    /** Another comparison begins, or this one has come to its end. */
    void clear() {
        steps.clear();
    }
}

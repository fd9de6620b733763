package io.backhaul.mastertarget;

import io.backhaul.protocol.Position;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Where the stream began on nothing, as far as it was accepted: no generation builds upon what is before the newest of these that
 * the stream has come to. One that was given up before it was durable is beyond that, and counts no more.
 * <p>
 * A few are kept. Where all of them are beyond, the oldest counts: who is refused then compares the disks once more, and nothing
 * is ever built upon what nobody vouches for. Owned by the machine's loop.
 */
final class Beginnings {
    private static final int MAX_KEPT = 16;

    private final Deque<Position> rising = new ArrayDeque<>();

    Beginnings(Position known) {
        rising.add(known);
    }

    /** A generation that builds on nothing comes next. What was known from there on has been given up. */
    void add(Position first) {
        rising.removeIf(known -> known.isAtLeast(first));
        rising.add(first);
        if (rising.size() > MAX_KEPT) {
            rising.removeFirst();
        }
    }

    /** The newest one. */
    Position newest() {
        return rising.getLast();
    }

    /** The newest one that is not behind a position of the stream. */
    Position upTo(Position reached) {
        Position found = rising.getFirst();
        for (Position each : rising) {
            found = reached.isAtLeast(each) ? each : found;
        }
        return found;
    }
}

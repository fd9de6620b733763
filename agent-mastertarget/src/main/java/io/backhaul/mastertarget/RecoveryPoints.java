package io.backhaul.mastertarget;

import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.util.List;

/**
 * The points that may be opened just now. Every position of an interval is one.
 *
 * @param oldest
 *            {@link Position#NONE} where there is none
 * @param newest
 *            {@link Position#NONE} where there is none
 */
public record RecoveryPoints(Position oldest, Position newest, List<Interval> intervals, List<Mark> marks) {
    /** A stretch of points, both ends included, with the times of their frames. */
    public record Interval(Position from, long fromMicros, Position to, long toMicros) {}
}

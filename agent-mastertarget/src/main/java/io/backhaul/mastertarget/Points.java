package io.backhaul.mastertarget;

import io.backhaul.engine.loop.Lane;
import io.backhaul.mastertarget.MachineState.Parts;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Which points are offered, and which one a name means. On the machine's loop. */
final class Points {
    static final RecoveryPoints NONE = new RecoveryPoints(Position.NONE, Position.NONE, List.of(), List.of());

    private Points() {}

    static RecoveryPoints of(Parts parts) {
        Replica replica = parts.replica();
        if (replica.checkpoint().direct()) {
            return NONE;
        }
        Position floor = parts.folding().floor();
        long floorMicros = replica.index().timeAt(floor, replica.window().timeMicros());
        List<Damaged.Hidden> hidden = replica.damages().hidden();
        List<RecoveryPoints.Interval> intervals = replica.timeline().intervals(floor, floorMicros).stream()
                .map(each -> new RecoveryPoints.Interval(each.from(), each.fromMicros(), each.to(), each.toMicros()))
                .toList();
        for (Damaged.Hidden each : hidden) {
            intervals = intervals.stream().flatMap(interval -> without(each, interval, replica.index())).toList();
        }
        if (intervals.isEmpty()) {
            return NONE;
        }
        return new RecoveryPoints(intervals.getFirst().from(), intervals.getLast().to(), intervals,
                marks(replica, floor));
    }

    private static List<Mark> marks(Replica replica, Position floor) {
        List<Damaged.Hidden> hidden = replica.damages().hidden();
        return replica.timeline().marks(floor).stream()
                .filter(mark -> hidden.stream().noneMatch(each -> each.holds(mark.position()))).toList();
    }

    /** What is left of an interval on both sides. */
    private static Stream<RecoveryPoints.Interval> without(Damaged.Hidden hidden,
            RecoveryPoints.Interval interval, JournalIndex index) {
        List<RecoveryPoints.Interval> left = new ArrayList<>();
        Position before = interval.to().min(hidden.after());
        if (before.isAtLeast(interval.from())) {
            left.add(new RecoveryPoints.Interval(interval.from(), interval.fromMicros(), before,
                    before.equals(interval.to()) ? interval.toMicros() : index.timeAt(before, interval.fromMicros())));
        }
        Position behind = interval.from().max(hidden.until());
        if (interval.to().isAtLeast(behind) && before.isBefore(behind)) {
            left.add(new RecoveryPoints.Interval(behind,
                    behind.equals(interval.from()) ? interval.fromMicros() : index.timeAt(behind, interval.toMicros()),
                    interval.to(), interval.toMicros()));
        }
        return left.stream();
    }

    /** The newest offered point up to a position; NONE where there is none. */
    private static Position newestUpTo(Replica replica, Position limit) {
        Position found = replica.timeline().newestUpTo(limit);
        for (int i = 0; i < replica.damages().hidden().size(); i++) {
            for (Damaged.Hidden each : replica.damages().hidden()) {
                found = each.holds(found) ? replica.timeline().newestUpTo(each.after()) : found;
            }
        }
        return found;
    }

    /**
     * Finds the offered point that the name means, NONE where there is none. Of a time, the journal may have to be read
     * first, on the lane.
     */
    static void find(Parts parts, PointName name, Lane lane, Lane.Outcome<Position> found) {
        Replica replica = parts.replica();
        if (!(name instanceof PointName.When(long timeMicros)) || replica.checkpoint().direct()) {
            found.done(find(parts, name));
            return;
        }
        IndexUnit unit = replica.index().newestUpTo(timeMicros);
        if (unit == null || unit.times().lastMicros() <= timeMicros) {
            found.done(newestUpTo(parts, unit == null ? Position.NONE : unit.last(), timeMicros));
            return;
        }
        JournalIndex.TableSource table = replica.index().source(unit);
        lane.submit(() -> table.get().lastUpTo(timeMicros), replica.loop(), new Lane.Outcome<Position>() {
            @Override
            public void done(Position last) {
                found.done(newestUpTo(parts, last, timeMicros));
            }

            @Override
            public void failed(IOException cause) {
                if (replica.damages().hidden().isEmpty()) {
                    found.failed(cause);
                } else {
                    // What of the unit could be opened is not known without its damaged records.
                    found.done(newestUpTo(parts, unit.before(), timeMicros));
                }
            }
        });
    }

    /** The offered point that is not after a frame, or where the base stands. */
    private static Position newestUpTo(Parts parts, Position last, long timeMicros) {
        Replica replica = parts.replica();
        boolean windowIsOld = replica.window().timeMicros() <= timeMicros;
        Position found = newestUpTo(replica, windowIsOld ? last.max(replica.window().position()) : last);
        return found.isAtLeast(parts.folding().floor()) ? found : Position.NONE;
    }

    private static Position find(Parts parts, PointName name) {
        Replica replica = parts.replica();
        if (replica.checkpoint().direct()) {
            return Position.NONE;
        }
        Timeline timeline = replica.timeline();
        Position floor = parts.folding().floor();
        Position found = switch (name) {
            case PointName.Latest latest -> newestUpTo(replica, timeline.newest());
            case PointName.At at -> timeline.isPoint(at.position()) && !replica.damages().hides(at.position())
                    ? at.position()
                    : Position.NONE;
            case PointName.When when -> throw new IllegalArgumentException("a time must be looked up first");
            case PointName.Label label -> newest(marks(replica, floor), label.label());
        };
        return found.isAtLeast(floor) ? found : Position.NONE;
    }

    private static Position newest(List<Mark> marks, String label) {
        return marks.reversed().stream().filter(mark -> mark.label().equals(label)).map(Mark::position).findFirst()
                .orElse(Position.NONE);
    }

    /** Why a name means no point. */
    static String unknown(Parts parts, PointName name) {
        RecoveryPoints points = of(parts);
        String wanted = switch (name) {
            case PointName.Latest latest -> "there is no recovery point yet";
            case PointName.At at when parts.replica().damages().hides(at.position()) -> "position " + at.position()
                    + " needs records of the journal that are damaged; points begin again by themselves when the source has"
                    + " sent anew what the newest one lacks, else after a comparison (`backhaul resync`)";
            case PointName.At at -> "position " + at.position()
                    + (at.position().isBefore(points.oldest()) ? " is older than the oldest recovery point"
                            : " is no recovery point");
            case PointName.When when -> "there is no recovery point at or before that time";
            case PointName.Label label -> "no recovery point is marked '" + label.label() + "'";
        };
        return wanted + (points.intervals().isEmpty() ? ": wait until the machine is ORDERED"
                : ": points reach from " + points.oldest() + " to " + points.newest() + "; see `backhaul points list`");
    }

    /** Who has points open; empty where nobody has. */
    static String holders(Parts parts) {
        return parts.replica().pins().all().values().stream().filter(pin -> !pin.holder().equals(Digester.HOLDER))
                .map(pin -> pin.holder() + " at " + pin.position()).collect(Collectors.joining(", "));
    }
}

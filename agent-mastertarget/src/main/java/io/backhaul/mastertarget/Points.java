package io.backhaul.mastertarget;

import io.backhaul.mastertarget.MachineState.Parts;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.util.List;
import java.util.stream.Collectors;

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
        long floorMicros = replica.index().timeAt(floor, replica.checkpoint().base().timeMicros());
        List<RecoveryPoints.Interval> intervals = replica.timeline().intervals(floor, floorMicros).stream()
                .map(each -> new RecoveryPoints.Interval(each.from(), each.fromMicros(), each.to(), each.toMicros()))
                .toList();
        if (intervals.isEmpty()) {
            return NONE;
        }
        return new RecoveryPoints(intervals.getFirst().from(), intervals.getLast().to(), intervals,
                replica.timeline().marks(floor));
    }

    /** The offered point that the name means; NONE where there is none. */
    static Position find(Parts parts, PointName name) {
        Replica replica = parts.replica();
        if (replica.checkpoint().direct()) {
            return Position.NONE;
        }
        Timeline timeline = replica.timeline();
        Position floor = parts.folding().floor();
        Position found = switch (name) {
            case PointName.Latest latest -> timeline.newest();
            case PointName.At at -> timeline.isPoint(at.position()) ? at.position() : Position.NONE;
            case PointName.When when -> timeline.newestUpTo(lastUpTo(replica, when.timeMicros()));
            case PointName.Label label -> newest(timeline.marks(floor), label.label());
        };
        return found.isAtLeast(floor) ? found : Position.NONE;
    }

    private static Position lastUpTo(Replica replica, long timeMicros) {
        Position last = replica.index().lastUpTo(timeMicros);
        boolean baseIsOld = replica.checkpoint().base().timeMicros() <= timeMicros;
        return baseIsOld ? last.max(replica.base()) : last;
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
            case PointName.At at -> "position " + at.position()
                    + (at.position().isBefore(points.oldest()) ? " is older than the oldest recovery point"
                            : " is no recovery point");
            case PointName.When when -> "there is no recovery point at or before that time";
            case PointName.Label label -> "no recovery point is marked '" + label.label() + "'";
        };
        return wanted + (points.intervals().isEmpty() ? ": wait until the machine is ORDERED"
                : ": points reach from " + points.oldest() + " to " + points.newest() + "; see `backhaul points list`");
    }

    /** Who keeps the base from moving to the position; empty where nobody does. */
    static String holdersBefore(Parts parts, Position position) {
        return parts.replica().pins().all().values().stream().filter(pin -> pin.position().isBefore(position))
                .filter(pin -> !pin.holder().equals(Digester.HOLDER))
                .map(pin -> pin.holder() + " at " + pin.position()).collect(Collectors.joining(", "));
    }
}

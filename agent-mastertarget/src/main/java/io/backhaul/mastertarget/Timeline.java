package io.backhaul.mastertarget;

import io.backhaul.mastertarget.Checkpoint.Base;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the journal's stream is a state of the source: the intervals of {@link Fidelity#ORDERED}, and the marks in them.
 * Each position of such an interval is a recovery point; the record that begins it is the first.
 * <p>
 * Knows durable frames only. Owned by the machine's loop.
 */
final class Timeline {
    /** A stretch of points, both ends included; with the times of their frames. */
    record Interval(Position from, long fromMicros, Position to, long toMicros) {}

    private final List<Interval> intervals = new ArrayList<>();
    private final List<Mark> marks = new ArrayList<>();
    private Fidelity fidelity;
    private Position last;
    private long lastMicros;
    private boolean doubtful;
    private Position doubted = Position.NONE;
    private Position origin = Position.NONE;

    /** What is known of the state that the journal builds on. */
    Timeline(Base base) {
        fidelity = base.fidelity();
        last = base.position();
        lastMicros = base.timeMicros();
        if (fidelity == Fidelity.ORDERED) {
            begin(last, lastMicros);
        }
    }

    private void begin(Position position, long timeMicros) {
        intervals.add(new Interval(position, timeMicros, position, timeMicros));
    }

    /** Takes the next frame of the journal. */
    void add(Frame frame) throws MalformedBodyException {
        last = frame.last();
        lastMicros = frame.timeMicros();
        switch (frame.type()) {
            case GENERATION -> begin(GenerationStart.read(frame));
            case FIDELITY -> turn(FidelityChange.read(frame).fidelity(), fidelity != Fidelity.ORDERED);
            case MARK -> {
                extend();
                if (fidelity == Fidelity.ORDERED) {
                    marks.add(Mark.read(frame));
                }
            }
            default -> extend();
        }
    }

    private void begin(GenerationStart start) {
        origin = start.basis().equals(Position.NONE) ? last : origin;
        turn(start.fidelity(), true);
    }

    /** Where the newest generation began that builds on nothing; NONE where none is known. */
    Position origin() {
        return origin;
    }

    /** Frames that say nothing but writes have passed, up to this position. */
    void pass(Position position, long timeMicros) {
        last = position;
        lastMicros = timeMicros;
        extend();
    }

    /**
     * Frames have passed that nobody can read, and that may have said what the stream is worth: nothing is a point until it says
     * so again.
     */
    void lose(Position position) {
        last = position;
        fidelity = Fidelity.CATCH_UP;
        doubtful = true;
        doubted = position;
        origin = position;
    }

    /** Whether frames were lost that may have said what the stream is worth, and none has said so since. */
    boolean isDoubtful() {
        return doubtful;
    }

    /** The last position of the journal. */
    Position last() {
        return last;
    }

    /** The last position that is a point, or was one for all that is known. */
    Position newestPossible() {
        return newest().max(doubted);
    }

    /** Takes the frame whose record the base stands at: of what it says only a mark still counts. */
    void recall(Frame frame) throws MalformedBodyException {
        if (frame.type() == FrameType.MARK && fidelity == Fidelity.ORDERED) {
            marks.add(Mark.read(frame));
        }
    }

    /** Whether there is a mark at the position. */
    boolean isMarked(Position position) {
        return marks.stream().anyMatch(mark -> mark.position().equals(position));
    }

    private void turn(Fidelity next, boolean anew) {
        fidelity = next;
        doubtful = false;
        if (next == Fidelity.ORDERED && anew) {
            begin(last, lastMicros);
        } else {
            extend();
        }
    }

    private void extend() {
        if (fidelity == Fidelity.ORDERED) {
            Interval open = intervals.removeLast();
            intervals.add(new Interval(open.from(), open.fromMicros(), last, lastMicros));
        }
        doubted = doubtful ? last : doubted;
    }

    /** Of what comes next. */
    Fidelity fidelity() {
        return fidelity;
    }

    /** What the state at a position of the journal is worth; the time is the newest one known there. */
    Base baseAt(Position position, long timeMicros) {
        return new Base(position, isPoint(position) ? Fidelity.ORDERED : Fidelity.CATCH_UP, timeMicros);
    }

    boolean isPoint(Position position) {
        return !position.equals(Position.NONE) && newestUpTo(position).equals(position);
    }

    /** The newest point; NONE where there is none. */
    Position newest() {
        return intervals.isEmpty() ? Position.NONE : intervals.getLast().to();
    }

    /** The time of the newest point; 0 where there is none. */
    long newestMicros() {
        return intervals.isEmpty() ? 0 : intervals.getLast().toMicros();
    }

    /** The newest point that is not after {@code limit}; NONE where there is none. */
    Position newestUpTo(Position limit) {
        for (Interval interval : intervals.reversed()) {
            if (limit.isAtLeast(interval.from())) {
                return interval.to().min(limit);
            }
        }
        return Position.NONE;
    }

    /** The stretches of points from {@code floor} on, oldest first. */
    List<Interval> intervals(Position floor, long floorMicros) {
        List<Interval> offered = new ArrayList<>();
        for (Interval interval : intervals) {
            if (interval.from().isAtLeast(floor)) {
                offered.add(interval);
            } else if (interval.to().isAtLeast(floor)) {
                offered.add(new Interval(floor, floorMicros, interval.to(), interval.toMicros()));
            }
        }
        return offered;
    }

    /** The marks from {@code floor} on, oldest first. */
    List<Mark> marks(Position floor) {
        return marks.stream().filter(mark -> mark.position().isAtLeast(floor)).toList();
    }

    /** Forgets what is before {@code floor}. */
    void trimTo(Position floor) {
        marks.removeIf(mark -> mark.position().isBefore(floor));
        intervals.removeIf(interval -> interval.to().isBefore(floor));
    }
}

package io.backhaul.mastertarget;

import io.backhaul.engine.log.StoreException;
import io.backhaul.protocol.Position;

/** What a machine's part of the master target is doing. {@link #mayBecome} is the table of legal moves. */
sealed interface MachineState {
    /** What works on a replica that is open. */
    record Parts(Replica replica, Intake intake, Folding folding, Views views, Digester digester,
            Scrubber scrubber) {}

    /** Reads what is stored. */
    record Opening() implements MachineState {}

    /** What is stored cannot be opened; it is tried again. */
    record Broken(StoreException cause) implements MachineState {}

    /** Takes the stream, and opens views. */
    record Serving(Parts parts) implements MachineState {}

    /** Fenced; the base disks are on their way to the point. */
    record Promoting(Parts parts, Position target) implements MachineState {}

    /** Fenced; the base disks are the point, and belong to others. Another one may be chosen. */
    record Promoted(Parts parts, Position at) implements MachineState {}

    /** Fenced; the base disks are the point, and nothing else is left. */
    record Committed(Parts parts, Position at) implements MachineState {}

    /** Ended. */
    record Closed() implements MachineState {}

    default boolean mayBecome(MachineState next) {
        return switch (this) {
            case Opening opening -> !(next instanceof Opening);
            case Broken broken -> next instanceof Opening || next instanceof Closed;
            case Serving serving -> next instanceof Promoting || next instanceof Closed;
            case Promoting promoting ->
                next instanceof Promoted || next instanceof Committed || next instanceof Closed;
            case Promoted promoted ->
                next instanceof Promoting || next instanceof Committed || next instanceof Closed;
            case Committed committed -> next instanceof Closed;
            case Closed closed -> false;
        };
    }

    /** The state in a word, for status. */
    default String label() {
        return switch (this) {
            case Opening opening -> "OPENING";
            case Broken broken -> "BROKEN";
            case Serving serving -> serving.parts().replica().checkpoint().direct() ? "BASELINE" : "LIVE";
            case Promoting promoting -> "PROMOTING";
            case Promoted promoted -> "PROMOTED";
            case Committed committed -> "COMMITTED";
            case Closed closed -> "CLOSED";
        };
    }
}

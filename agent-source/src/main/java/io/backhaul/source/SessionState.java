package io.backhaul.source;

import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Welcome;
import org.jspecify.annotations.Nullable;

/** What a {@link SourceSession} is doing. {@link #mayBecome} is the table of legal moves. */
sealed interface SessionState {
    /** Has no generation, and waits for a receiver to say which may be next. */
    record Unborn() implements SessionState {}

    /**
     * Makes a generation durable before anyone sees it.
     *
     * @param welcome
     *            what a receiver has said meanwhile
     */
    record Opening(GenerationStart start, @Nullable Welcome welcome) implements SessionState {}

    /**
     * Has a generation of an earlier life that can go on, and waits for a receiver to say where.
     *
     * @param at
     *            the positions behind which it can
     */
    record Resuming(Observation.Continuation at) implements SessionState {}

    /** Streams, or would if there were a link. */
    record Flowing(GenerationStart start) implements SessionState {
        long generation() {
            return start.generation();
        }
    }

    /** Does not stream any more until an operator acts; blocks are still marked. */
    record Halted(FaultCode code, String text) implements SessionState {}

    /** Has been stopped. */
    record Closed() implements SessionState {}

    default boolean mayBecome(SessionState next) {
        return switch (this) {
            case Unborn unborn -> !(next instanceof Flowing) && !(next instanceof Unborn);
            case Resuming resuming -> !(next instanceof Resuming);
            case Opening opening -> !(next instanceof Resuming);
            case Flowing flowing -> !(next instanceof Flowing) && !(next instanceof Resuming);
            case Halted halted -> next instanceof Closed;
            case Closed closed -> false;
        };
    }

    /** The state in a word, for status. */
    default String label() {
        return switch (this) {
            case Unborn unborn -> "unborn";
            case Resuming resuming -> "resuming";
            case Opening opening -> "opening";
            case Flowing flowing -> "flowing";
            case Halted halted -> "halted";
            case Closed closed -> "closed";
        };
    }
}

package io.backhaul.engine.stream;

import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Refusal;

/** What a {@link StreamSender} is doing. {@link #mayBecome} is the table of legal moves. */
sealed interface SenderState {
    /** Waits before it dials. */
    record Waiting(Loop.Timer timer) implements SenderState {}

    /** Has dialled. */
    record Dialling() implements SenderState {}

    /** Has said HELLO and waits for WELCOME. */
    record Greeting(Link link) implements SenderState {}

    /** Sends. */
    record Streaming(Link link) implements SenderState {}

    /** Was refused for good. */
    record Refused(Refusal refusal) implements SenderState {}

    /** Has been closed by its owner. */
    record Closed() implements SenderState {}

    default boolean mayBecome(SenderState next) {
        return switch (this) {
            case Waiting waiting -> next instanceof Dialling || next instanceof Closed;
            case Dialling dialling -> next instanceof Greeting || next instanceof Waiting || next instanceof Closed;
            case Greeting greeting -> next instanceof Streaming || isEnd(next);
            case Streaming streaming -> isEnd(next);
            case Refused refused -> next instanceof Closed;
            case Closed closed -> false;
        };
    }

    private static boolean isEnd(SenderState next) {
        return next instanceof Waiting || next instanceof Refused || next instanceof Closed;
    }

    /** The state in a word, for status. */
    default String label() {
        return switch (this) {
            case Waiting waiting -> "waiting";
            case Dialling dialling -> "dialling";
            case Greeting greeting -> "greeting";
            case Streaming streaming -> "streaming";
            case Refused refused -> "refused";
            case Closed closed -> "closed";
        };
    }
}

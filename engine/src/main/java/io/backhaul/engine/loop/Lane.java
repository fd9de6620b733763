package io.backhaul.engine.loop;

import java.io.IOException;

/**
 * Where blocking work is done: one at a time, in the order given, off the loops. The result comes back to the loop that
 * asked. Work that throws anything but {@link IOException} is a bug and ends the process.
 */
public interface Lane {
    /** Enqueues {@code work}; {@code outcome} is told on {@code replyTo}. */
    <T> void submit(Work<T> work, Loop replyTo, Outcome<T> outcome);

    /** Blocking work. */
    @FunctionalInterface
    interface Work<T> {
        T run() throws IOException;
    }

    /** Who waits for it. */
    interface Outcome<T> {
        void done(T result);

        void failed(IOException cause);
    }
}

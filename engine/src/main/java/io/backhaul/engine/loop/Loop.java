package io.backhaul.engine.loop;

import io.backhaul.engine.time.Clock;
import java.util.concurrent.Executor;

/**
 * A serial executor with timers. The state machines of all roles are owned by one loop each: whoever stands on another
 * thread enqueues. Tasks run in the order they were given, never two at a time, and must not block.
 */
public interface Loop extends Executor {
    /** Enqueues a task; from any thread. */
    @Override
    void execute(Runnable task);

    /** Runs a task once, after {@code delayNanos}; from any thread. */
    Timer schedule(long delayNanos, Runnable task);

    /** Whether the caller runs on this loop. */
    boolean isCurrent();

    Clock clock();

    /** A task that has been scheduled. */
    interface Timer {
        /** Makes sure, when called on the loop, that the task does not run any more. */
        void cancel();
    }
}

package io.backhaul.engine.stream;

import java.util.random.RandomGenerator;

/**
 * How long to wait before the next attempt: longer with each failure, up to a limit, and shortened at random by up to half, so
 * that many who have failed at once do not come back at once. Owned by one loop.
 */
final class Backoff {
    private static final int MAX_DOUBLINGS = 20;

    private final HopTiming timing;
    private final RandomGenerator random;
    private int failures;

    Backoff(HopTiming timing, RandomGenerator random) {
        this.timing = timing;
        this.random = random;
    }

    /** The next wait is short again. */
    void reset() {
        failures = 0;
    }

    /** The same, where something has lasted for as long as the longest wait. */
    void resetAfter(long lastedNanos) {
        if (lastedNanos >= timing.lastRetry().toNanos()) {
            reset();
        }
    }

    /** An attempt has failed: how long to wait, at least so long. */
    long failed(long atLeastNanos) {
        long base = Math.min(timing.lastRetry().toNanos(),
                timing.firstRetry().toNanos() << Math.min(failures, MAX_DOUBLINGS));
        failures++;
        return Math.max(atLeastNanos, base / 2 + random.nextLong(base / 2 + 1));
    }
}

package io.backhaul.cli;

import java.util.concurrent.atomic.AtomicLongArray;

/** How old frames were when they were journaled, counted by milliseconds. From any thread. */
final class Lags {
    private static final int MAX_MILLIS = 120_000;

    private final AtomicLongArray counts = new AtomicLongArray(MAX_MILLIS + 1);

    void add(long nanos) {
        counts.incrementAndGet((int) Math.min(MAX_MILLIS, nanos / 1_000_000));
    }

    void clear() {
        for (int millis = 0; millis <= MAX_MILLIS; millis++) {
            counts.set(millis, 0);
        }
    }

    long count() {
        return below(MAX_MILLIS + 1);
    }

    private long below(int endMillis) {
        long sum = 0;
        for (int millis = 0; millis < endMillis; millis++) {
            sum += counts.get(millis);
        }
        return sum;
    }

    /** So many milliseconds were enough for this part of them; 0 where there is none. */
    long millis(double part) {
        long wanted = (long) Math.ceil(part * count());
        long sum = 0;
        for (int millis = 0; millis <= MAX_MILLIS; millis++) {
            sum += counts.get(millis);
            if (sum >= wanted) {
                return millis;
            }
        }
        return MAX_MILLIS;
    }
}

package io.backhaul.processserver;

/**
 * Lets so many bytes through in a second, and some more after a rest. Whoever must wait takes a {@link Turn}, and is not
 * overtaken: so those who wait go one after the other, a frame each. Safe from any thread.
 */
final class Throttle {
    static final long UNBOUNDED = Long.MAX_VALUE;
    private static final long REST_NANOS = 100_000_000L;

    private long bytesPerSecond = UNBOUNDED;
    private long freeNanos = Long.MIN_VALUE;
    private int changes;

    /** From now on so many go through; turns that were taken are taken anew. */
    synchronized void set(long nextBytesPerSecond) {
        if (nextBytesPerSecond != bytesPerSecond) {
            bytesPerSecond = nextBytesPerSecond;
            freeNanos = Long.MIN_VALUE;
            changes++;
        }
    }

    synchronized long bytesPerSecond() {
        return bytesPerSecond;
    }

    /** One who waits, for a frame at a time. Owned by its loop. */
    static final class Turn {
        private final Throttle throttle;
        private boolean taken;
        private int takenAtChange;
        private long nanos;

        Turn(Throttle throttle) {
            this.throttle = throttle;
        }

        /** Nanoseconds until it is this one's turn; at once is 0. */
        long nanosUntil(int bytes, long nowNanos) {
            synchronized (throttle) {
                if (throttle.bytesPerSecond == UNBOUNDED) {
                    return 0;
                }
                if (!taken || takenAtChange != throttle.changes) {
                    taken = true;
                    takenAtChange = throttle.changes;
                    nanos = Math.max(throttle.freeNanos, nowNanos - REST_NANOS);
                    throttle.freeNanos = nanos + bytes * 1_000_000_000L / throttle.bytesPerSecond;
                }
                return Math.max(0, nanos - nowNanos);
            }
        }

        /** The frame has gone. */
        void used() {
            taken = false;
        }
    }
}

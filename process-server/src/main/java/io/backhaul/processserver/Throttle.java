package io.backhaul.processserver;

import java.util.Comparator;
import java.util.Iterator;
import java.util.TreeSet;

/**
 * Lets so many bytes through in a second, and some more after a rest. Those who wait go in turns by the bytes that they have
 * had, whatever the size of their frames: start-time fair queueing (Goyal, Vin, Cheng 1996). Who comes back after a rest has
 * saved nothing up, and waits for a frame of each of the others at most. Safe from any thread.
 */
final class Throttle {
    static final long UNBOUNDED = Long.MAX_VALUE;
    private static final long REST_NANOS = 100_000_000L;
    /** Whoever is so late to ask again has gone away, and holds the others back no more. */
    private static final long GRACE_NANOS = 20_000_000L;
    /** Rates may change meanwhile. */
    private static final long LONGEST_WAIT_NANOS = 250_000_000L;
    private static final long SHORTEST_WAIT_NANOS = 1_000_000L;
    /** So many of those before are looked at to tell how long it takes. */
    private static final int LOOK_AHEAD = 64;

    private final TreeSet<Turn> waiting = new TreeSet<>(
            Comparator.<Turn>comparingLong(turn -> turn.start).thenComparingLong(turn -> turn.number));
    private long bytesPerSecond = UNBOUNDED;
    /** When the next frame may go. */
    private long freeNanos = Long.MIN_VALUE;
    /** The start of the frame that went last. */
    private long virtualBytes;
    private long turns;

    /** From now on so many go through, at once. */
    synchronized void set(long nextBytesPerSecond) {
        if (nextBytesPerSecond != bytesPerSecond) {
            bytesPerSecond = nextBytesPerSecond;
            freeNanos = Long.MIN_VALUE;
        }
    }

    synchronized long bytesPerSecond() {
        return bytesPerSecond;
    }

    private long nanos(long bytes) {
        return (long) (bytes * 1e9 / bytesPerSecond);
    }

    /** One who sends, a frame at a time. Owned by its loop. */
    static final class Turn {
        private final Throttle throttle;
        /** Where its frame starts, in bytes that each of those who wait has had. */
        private long start;
        private long finish;
        private long number;
        private int bytes;
        private long dueNanos;
        private boolean waits;

        Turn(Throttle throttle) {
            this.throttle = throttle;
        }

        /** Nanoseconds until a frame of so many bytes may go, or is to be asked for again; 0: it may go now. */
        long nanosUntil(int frameBytes, long nowNanos) {
            synchronized (throttle) {
                if (throttle.bytesPerSecond == UNBOUNDED) {
                    leave();
                    return 0;
                }
                bytes = frameBytes;
                if (!waits) {
                    waits = true;
                    start = Math.max(throttle.virtualBytes, finish);
                    number = throttle.turns++;
                    throttle.waiting.add(this);
                }
                long wait = throttle.nanosUntil(this, nowNanos);
                dueNanos = nowNanos + wait;
                return wait;
            }
        }

        /** The frame goes. */
        void used(long nowNanos) {
            synchronized (throttle) {
                if (waits) {
                    leave();
                    throttle.virtualBytes = Math.max(throttle.virtualBytes, start);
                    finish = start + bytes;
                    throttle.freeNanos = throttle.free(nowNanos) + throttle.nanos(bytes);
                }
            }
        }

        private void leave() {
            if (waits) {
                waits = false;
                throttle.waiting.remove(this);
            }
        }
    }

    private long free(long nowNanos) {
        return Math.max(freeNanos, nowNanos - REST_NANOS);
    }

    private long nanosUntil(Turn turn, long nowNanos) {
        long left = free(nowNanos) - nowNanos;
        while (left <= 0 && !turn.equals(waiting.first()) && nowNanos > waiting.first().dueNanos + GRACE_NANOS) {
            waiting.first().leave();
        }
        if (turn.equals(waiting.first())) {
            return Math.clamp(left, 0, LONGEST_WAIT_NANOS);
        }
        long before = 0;
        Iterator<Turn> ahead = waiting.iterator();
        for (int i = 0; i < LOOK_AHEAD; i++) {
            Turn next = ahead.next();
            if (next.equals(turn)) {
                break;
            }
            before += next.bytes;
        }
        return Math.clamp(left + nanos(before), SHORTEST_WAIT_NANOS, LONGEST_WAIT_NANOS);
    }
}

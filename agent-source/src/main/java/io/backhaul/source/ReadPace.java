package io.backhaul.source;

import io.backhaul.engine.time.Clock;

/** Holds the reads of comparisons back to a rate, so that the machine keeps its disks for itself. Owned by the session's loop. */
final class ReadPace {
    private static final long SECOND_NANOS = 1_000_000_000L;

    private final long bytesPerSecond;
    private final Clock clock;
    private long begunNanos;
    private long freeNanos;

    /**
     * At rest.
     *
     * @param bytesPerSecond
     *            0: nothing is held back
     */
    ReadPace(long bytesPerSecond, Clock clock) {
        this.bytesPerSecond = bytesPerSecond;
        this.clock = clock;
        this.begunNanos = clock.nanos();
        this.freeNanos = begunNanos;
    }

    /** How long the next read has to wait. */
    long waitNanos() {
        return bytesPerSecond == 0 ? 0 : Math.max(0, freeNanos - clock.nanos());
    }

    /** A read begins. */
    void begin() {
        begunNanos = clock.nanos();
    }

    /** It has read so much; the time that it took counts. */
    void read(long bytes) {
        if (bytesPerSecond > 0) {
            freeNanos = begunNanos + Math.multiplyExact(bytes, SECOND_NANOS) / bytesPerSecond;
        }
    }
}

package io.backhaul.mastertarget;

/**
 * How long folding pauses, so that what comes in has the disk and the processor to itself for most of the time: longer than it
 * was at work, where something waited then to be journaled. Owned by the machine's loop.
 */
final class FoldPause {
    private static final int OF_WORK = 2;
    private static final long LONGEST_NANOS = 30_000_000_000L;

    private long endNanos = Long.MIN_VALUE;

    /** It has been at work for so long, until now. */
    void worked(long tookNanos, long nowNanos, boolean isWaitedFor) {
        endNanos = isWaitedFor ? nowNanos + Math.min(OF_WORK * tookNanos, LONGEST_NANOS) : nowNanos;
    }

    /** Nanoseconds until it may go on; 0 at once. */
    long leftNanos(long nowNanos) {
        return endNanos == Long.MIN_VALUE ? 0 : Math.max(0, endNanos - nowNanos);
    }
}

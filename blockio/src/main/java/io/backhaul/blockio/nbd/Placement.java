package io.backhaul.blockio.nbd;

/**
 * Decides whether the thread that reads requests also carries one out, or hands it to a worker. Handing over costs more
 * than a write into the page cache does, and holding up the reader costs the client its queue depth when the device is
 * slow; so the reader does it while the device has been fast lately. Slightly stale numbers do no harm.
 */
final class Placement {
    private static final long FAST_NANOS = 60_000;
    private static final long SAMPLE_LIMIT_NANOS = 8 * FAST_NANOS;
    private static final long INLINE_LIMIT_BYTES = 256 * 1024;

    private volatile long averageNanos;

    boolean inline(int type, int flags, long length) {
        if (averageNanos > FAST_NANOS || length > INLINE_LIMIT_BYTES) {
            return false;
        }
        return switch (type) {
            case NbdNumbers.CMD_READ -> true;
            case NbdNumbers.CMD_WRITE -> (flags & NbdNumbers.CMD_FLAG_FUA) == 0;
            case NbdNumbers.CMD_CACHE -> true;
            default -> false;
        };
    }

    /** Takes note of how long a read or write took, scaled to a typical size. */
    void took(long nanos, long length) {
        long scaled = length <= 64 * 1024 ? nanos : nanos * 64 * 1024 / length;
        long average = averageNanos;
        averageNanos = average + (Math.min(scaled, SAMPLE_LIMIT_NANOS) - average) / 8;
    }
}

package io.backhaul.source;

/**
 * Decides per batch whether compressing is worth its processor time. On a slow link it is; on a fast one LZ4 costs more
 * than TLS does, and raw wins. So {@link Compression#AUTO} compresses while frames wait for the link and the link drains
 * them at less than a third of the rate at which this machine compresses, and lets be what has not shrunk lately, but for a
 * probe now and then.
 *
 * <p>
 * The packer asks and reports; the session's loop tells how the link does. Each number has one writer.
 */
final class CompressionPolicy {
    /** Bytes that wait before the link counts as what limits. */
    static final long BACKLOG_BYTES = 1L << 20;
    private static final long INTERVAL_NANOS = 50_000_000;
    private static final int PROBE_EVERY = 32;
    private static final double WORTHWHILE = 0.9;
    private static final double ASSUMED_BYTES_PER_NANO = 0.6;

    private final Compression mode;
    private double storedPerPlain = 0.5;
    private int skipped;
    private double compressedPerNano = ASSUMED_BYTES_PER_NANO;
    private volatile boolean linkLimits;
    private volatile double drainedPerNano;
    private boolean intervalLimited;
    private long intervalStart;
    private long intervalBytes;

    CompressionPolicy(Compression mode) {
        this.mode = mode;
    }

    /** Whether the next batch is to be compressed. On the packer. */
    boolean attempt() {
        return switch (mode) {
            case OFF -> false;
            case LZ4 -> true;
            case AUTO -> linkLimits && drainedPerNano < compressedPerNano / 3 && isLikelyToShrink();
        };
    }

    private boolean isLikelyToShrink() {
        if (storedPerPlain < WORTHWHILE) {
            return true;
        }
        skipped = (skipped + 1) % PROBE_EVERY;
        return skipped == 0;
    }

    /** What an attempt brought; {@code storedBytes} are the plain ones where it did not shrink. On the packer. */
    void attempted(long plainBytes, long storedBytes, long nanos) {
        if (plainBytes > 0) {
            storedPerPlain = storedPerPlain * 0.75 + 0.25 * storedBytes / plainBytes;
            if (nanos > 0) {
                compressedPerNano = compressedPerNano * 0.9 + 0.1 * plainBytes / nanos;
            }
        }
    }

    /** The link took bytes, and so many wait behind them. On the loop. */
    void drained(long bytes, long waitingBytes, long nowNanos) {
        boolean limits = waitingBytes >= BACKLOG_BYTES;
        intervalBytes += bytes;
        intervalLimited &= limits;
        if (nowNanos - intervalStart >= INTERVAL_NANOS) {
            if (intervalLimited) {
                drainedPerNano = (double) intervalBytes / (nowNanos - intervalStart);
            }
            intervalStart = nowNanos;
            intervalBytes = 0;
            intervalLimited = limits;
        }
        linkLimits = limits;
    }

    /** Stored bytes per plain byte, lately; 1 means that nothing shrinks. */
    double storedPerPlain() {
        return storedPerPlain;
    }
}

package io.backhaul.mastertarget;

import java.time.Duration;

/**
 * How often and how fast stored files are read back.
 *
 * @param period
 *            from the end of one pass to the next; zero where nobody reads them back unasked
 * @param bytesPerSecond
 *            the most that is read in a second
 */
public record ScrubPace(Duration period, long bytesPerSecond) {
    /** What a daemon uses unless told otherwise. */
    public static final ScrubPace DEFAULT = new ScrubPace(Duration.ofDays(7), 16L << 20);
    /** Only when it is asked for. */
    public static final ScrubPace ON_DEMAND = new ScrubPace(Duration.ZERO, 16L << 20);
}

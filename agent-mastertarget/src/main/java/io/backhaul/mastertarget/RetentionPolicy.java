package io.backhaul.mastertarget;

import java.time.Duration;

/**
 * How long points are kept, and where the base disks stand.
 *
 * @param time
 *            the journal is folded once it is older
 * @param bytes
 *            the journal is folded once it is longer
 */
public record RetentionPolicy(Stand base, Duration time, long bytes) {
    /** A day, 64 GiB, the base at the old end. */
    public static final RetentionPolicy DEFAULT = new RetentionPolicy(Stand.OLDEST, Duration.ofHours(24), 64L << 30);

    /** Where the base disks stand in the window. */
    public enum Stand {
        /** At its old end: only what leaves the window is folded. */
        OLDEST,
        /** Right behind the newest point: everything is folded within seconds, and what is overwritten is saved before. */
        NEWEST
    }
}

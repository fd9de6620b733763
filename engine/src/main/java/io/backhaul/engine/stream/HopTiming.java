package io.backhaul.engine.stream;

import java.time.Duration;

/**
 * The time-outs of a hop.
 *
 * @param heartbeat
 *            how often a silent side is asked; three intervals without a sign end the link
 * @param greeting
 *            how long a peer may take for its HELLO or WELCOME
 * @param firstRetry
 *            the wait after a first failure; it doubles with each further one, with jitter of half its length
 * @param lastRetry
 *            where doubling ends
 * @param progress
 *            the shortest time between two POSITIONS frames
 */
public record HopTiming(Duration heartbeat, Duration greeting, Duration firstRetry, Duration lastRetry,
        Duration progress) {
    /** What is right for a data centre link. */
    public static final HopTiming DEFAULT = new HopTiming(Duration.ofSeconds(2), Duration.ofSeconds(10),
            Duration.ofMillis(100), Duration.ofSeconds(10), Duration.ofMillis(1));

    long silenceNanos() {
        return 3 * heartbeat.toNanos();
    }
}

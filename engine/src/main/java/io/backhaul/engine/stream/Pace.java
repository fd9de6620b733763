package io.backhaul.engine.stream;

/** How fast frames may go out. On the sender's loop. */
@FunctionalInterface
public interface Pace {
    /** As fast as the link takes them. */
    Pace UNBOUNDED = bytes -> 0;

    /**
     * Nanoseconds until a frame of so many bytes may go; 0: it goes now, and counts. Whoever was told to wait asks again
     * after that time at the latest.
     */
    long nanosUntil(int bytes);
}

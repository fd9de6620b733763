package io.backhaul.engine.time;

/** Time as everything here sees it; a port, so that a simulation can own it. */
public interface Clock {
    /** Monotonic nanoseconds, for durations and deadlines; the origin means nothing. */
    long nanos();

    /** Microseconds since the epoch by the wall clock, for people and records; may jump either way. */
    long wallMicros();
}

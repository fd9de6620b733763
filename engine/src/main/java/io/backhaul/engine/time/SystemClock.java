package io.backhaul.engine.time;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** The clocks of this computer. */
public enum SystemClock implements Clock {
    /** The one there is. */
    INSTANCE;

    @Override
    public long nanos() {
        return System.nanoTime();
    }

    @Override
    public long wallMicros() {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
    }
}

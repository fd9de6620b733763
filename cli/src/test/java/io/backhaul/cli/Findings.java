package io.backhaul.cli;

import io.backhaul.engine.time.SystemClock;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a check has found so far: figures by name, and sentences with the time that has passed. Owned by one thread. */
final class Findings {
    private final long seed;
    private final Map<String, Object> figures = new LinkedHashMap<>();
    private final long startNanos = SystemClock.INSTANCE.nanos();

    Findings(long seed) {
        this.seed = seed;
        figures.put("seed", seed);
    }

    /** Of today's seed. */
    Findings() {
        this(SystemClock.INSTANCE.wallMicros());
    }

    long seed() {
        return seed;
    }

    void say(String what) {
        System.err.printf("%6.1f s  %s%n", seconds(), what);
    }

    void put(String name, Object figure) {
        figures.put(name, figure);
    }

    /** Adds to a figure that is a count. */
    void add(String name, long more) {
        figures.merge(name, more, (before, added) -> (long) before + (long) added);
    }

    /** Since the check began. */
    double seconds() {
        return Math.round((SystemClock.INSTANCE.nanos() - startNanos) / 1e8) / 10.0;
    }

    Map<String, Object> figures() {
        return figures;
    }
}

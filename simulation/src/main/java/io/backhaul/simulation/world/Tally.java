package io.backhaul.simulation.world;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/** Counts by name: faults that struck, rare branches that were reached, things that were checked. */
public final class Tally {
    private final SortedMap<String, Long> counts = new TreeMap<>();

    /** One more of these. */
    public void count(String name) {
        counts.merge(name, 1L, Long::sum);
    }

    /** So many more of these. */
    public void add(String name, long howMany) {
        counts.merge(name, howMany, Long::sum);
    }

    public long of(String name) {
        return counts.getOrDefault(name, 0L);
    }

    public SortedMap<String, Long> counts() {
        return Collections.unmodifiableSortedMap(counts);
    }

    /** Adds everything that another has counted. */
    public void addAll(Tally other) {
        other.counts.forEach(this::add);
    }
}

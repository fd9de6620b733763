package io.backhaul.engine.metrics;

import java.util.List;

/**
 * One metric, declared once. Declare them as constants of the role that owns them, and list these in a method, from
 * which the page {@code docs/METRICS.md} is made.
 *
 * @param name
 *            in dots, such as {@code backhaul.spool.size}; the endpoint shows {@code backhaul_spool_size_bytes}
 * @param kind
 *            whether it goes up only
 * @param unit
 *            {@code bytes}, {@code seconds}, {@code records}, or empty for plain numbers
 * @param help
 *            what it says, one sentence
 * @param tags
 *            the names of its labels, in order
 */
public record Metric(String name, Kind kind, String unit, String help, List<String> tags) {
    /** How a metric moves. */
    public enum Kind {
        /** Up and down. */
        GAUGE,
        /** Up only, from 0 at the start of the process. */
        COUNTER
    }

    public static Metric gauge(String name, String unit, String help, String... tags) {
        return new Metric(name, Kind.GAUGE, unit, help, List.of(tags));
    }

    public static Metric counter(String name, String unit, String help, String... tags) {
        return new Metric(name, Kind.COUNTER, unit, help, List.of(tags));
    }

    /** The name that the endpoint shows. */
    public String shownName() {
        String base = name.replace('.', '_').replace('-', '_');
        String united = unit.isEmpty() || base.endsWith("_" + unit) ? base : base + "_" + unit;
        return kind == Kind.COUNTER ? united + "_total" : united;
    }
}

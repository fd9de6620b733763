package io.backhaul.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** What a check has measured, and which of it misses its bound. */
final class Figures {
    private final Map<String, Object> figures = new LinkedHashMap<>();
    private final List<String> missed = new ArrayList<>();

    void put(String name, Object value) {
        figures.put(name, value instanceof Double real ? Math.round(real * 1000) / 1000.0 : value);
        say(name + " " + figures.get(name));
    }

    /** A figure that must not be more. */
    void atMost(String name, double value, double bound) {
        put(name, value);
        hold(value <= bound, name + " is " + value + ", more than " + bound);
    }

    /** A figure that must not be less. */
    void atLeast(String name, double value, double bound) {
        put(name, value);
        hold(value >= bound, name + " is " + value + ", less than " + bound);
    }

    /** Something that must be so. */
    void hold(boolean isSo, String otherwise) {
        if (!isSo) {
            missed.add(otherwise);
            say("MISSED: " + otherwise);
        }
    }

    static void say(String what) {
        System.err.println("retention: " + what);
    }

    /** Prints all; answers whether every bound was kept. */
    boolean print(boolean json) {
        figures.put("missed", List.copyOf(missed));
        if (json) {
            System.out.println(JsonMapper.builder().build().writeValueAsString(figures));
        } else {
            figures.forEach((name, value) -> System.out.printf(Locale.ROOT, "%-40s %s%n", name, value));
        }
        return missed.isEmpty();
    }
}

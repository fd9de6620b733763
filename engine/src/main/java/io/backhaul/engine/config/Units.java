package io.backhaul.engine.config;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes and durations as people write them. */
public final class Units {
    private static final Pattern QUANTITY = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)\\s*([A-Za-zµ]*)");
    private static final Pattern ADDRESS = Pattern.compile("(?:\\[[0-9A-Fa-f:.%]+]|[^:\\[\\]\\s]+):([0-9]{1,5})");
    private static final Map<String, Long> BYTES = new LinkedHashMap<>();
    private static final Map<String, Long> NANOS = new LinkedHashMap<>();

    static {
        long binary = 1;
        long decimal = 1;
        BYTES.put("B", 1L);
        for (String prefix : new String[]{"K", "M", "G", "T", "P"}) {
            binary *= 1024;
            decimal *= 1000;
            BYTES.put(prefix + "iB", binary);
            BYTES.put(prefix.equals("K") ? "kB" : prefix + "B", decimal);
        }
        NANOS.put("ns", 1L);
        NANOS.put("us", 1_000L);
        NANOS.put("ms", 1_000_000L);
        NANOS.put("s", 1_000_000_000L);
        NANOS.put("m", 60_000_000_000L);
        NANOS.put("h", 3_600_000_000_000L);
        NANOS.put("d", 86_400_000_000_000L);
    }

    private Units() {}

    /**
     * Reads a size such as {@code 64MiB}.
     *
     * @throws IllegalArgumentException
     *             with a message that completes "must be …", where the text is no size
     */
    public static long parseBytes(String text) {
        return parse(text, BYTES, "a size with its unit, such as 512B, 64MiB or 2GiB");
    }

    /**
     * Reads a duration such as {@code 20ms}.
     *
     * @throws IllegalArgumentException
     *             with a message that completes "must be …", where the text is no duration
     */
    public static Duration parseDuration(String text) {
        return Duration.ofNanos(parse(text, NANOS, "a duration with its unit, such as 20ms, 30s, 10m, 4h or 7d"));
    }

    /** Whether the text is {@code HOST:PORT}. */
    public static boolean isAddress(String text) {
        Matcher matcher = ADDRESS.matcher(text);
        return matcher.matches() && Integer.parseInt(matcher.group(1)) <= 65535;
    }

    private static long parse(String text, Map<String, Long> units, String wanted) {
        Matcher quantity = QUANTITY.matcher(text.strip());
        Long unit = quantity.matches() ? units.get(quantity.group(2)) : null;
        if (unit == null) {
            throw new IllegalArgumentException(wanted);
        }
        try {
            return new BigDecimal(quantity.group(1)).multiply(BigDecimal.valueOf(unit)).longValueExact();
        } catch (ArithmeticException notWhole) {
            throw new IllegalArgumentException(wanted + ", whole and below 8192PiB", notWhole);
        }
    }

    /** The shortest exact form: {@code 67108864} becomes {@code 64MiB}. */
    public static String displayBytes(long bytes) {
        String best = bytes + "B";
        for (var unit : BYTES.entrySet()) {
            if (unit.getKey().contains("i") && bytes != 0 && bytes % unit.getValue() == 0) {
                best = bytes / unit.getValue() + unit.getKey();
            }
        }
        return best;
    }

    /** The shortest exact form: 1,500 milliseconds become {@code 1500ms}. */
    public static String displayDuration(Duration duration) {
        long nanos = duration.toNanos();
        String best = nanos == 0 ? "0s" : nanos + "ns";
        for (var unit : NANOS.entrySet()) {
            if (nanos != 0 && nanos % unit.getValue() == 0) {
                best = nanos / unit.getValue() + unit.getKey();
            }
        }
        return best;
    }

    static String display(Object bound) {
        return switch (bound) {
            case Long bytes -> displayBytes(bytes);
            case Duration duration -> displayDuration(duration);
            default -> bound.toString();
        };
    }

    /** An enum's constant as files and command lines say it. */
    public static String label(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}

package io.backhaul.cli;

import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import picocli.CommandLine.Option;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The choice between text for people and JSON for scripts. */
final class Printing {
    private static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    private static final String[] BYTE_UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

    @Option(names = "--json", description = "Print JSON on stdout, and nothing else there.")
    private boolean json;

    boolean isJson() {
        return json;
    }

    /** Prints a result, whichever way was chosen. */
    void print(Map<String, ?> result, Consumer<PrintStream> text) {
        if (json) {
            System.out.println(json(result));
        } else {
            text.accept(System.out);
        }
        System.out.flush();
    }

    static String json(Map<String, ?> result) {
        return JSON.writeValueAsString(result);
    }

    /** A size for people: three digits are enough. */
    static String bytes(double bytes) {
        double shown = bytes;
        int unit = 0;
        while (Math.abs(shown) >= 1000 && unit < BYTE_UNITS.length - 1) {
            shown /= 1024;
            unit++;
        }
        String form = unit == 0 || Math.abs(shown) >= 100 ? "%.0f %s" : "%.1f %s";
        return String.format(Locale.ROOT, form, shown, BYTE_UNITS[unit]);
    }

    static String bytes(long bytes) {
        return bytes((double) bytes);
    }

    static String millis(long millis) {
        return millis((double) millis);
    }

    /** A duration for people. */
    static String millis(double millis) {
        if (millis < 1000) {
            return "%.0f ms".formatted(millis);
        }
        double seconds = millis / 1000;
        if (seconds < 120) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        return seconds < 7200
                ? String.format(Locale.ROOT, "%.0f min", seconds / 60)
                : String.format(Locale.ROOT, "%.1f h", seconds / 3600);
    }
}

package io.backhaul.simulation;

import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@code ./check simulate} was asked for. */
final class Options {
    private static final long SECOND = 1_000_000_000L;
    private static final long SHORT_NANOS = 20 * SECOND;
    private static final long USUAL_NANOS = 180 * SECOND;
    /** How long a hunt for defects, or a run of so many seeds, may take: as long as it likes. */
    private static final long NO_LIMIT_NANOS = Long.MAX_VALUE / 4;
    private static final long DEFECT_RUNS = 200;
    private static final long TWICE_RUNS = 100;

    static final String USAGE = """
            usage: ./check simulate [--minutes N] [--short] [--report FILE] [--json]
                                    runs fresh seeds on all cores for N minutes (3; --short: 20 seconds)
                   ./check simulate --seed S [--without KIND,...] [--shrink] [--json]
                                    runs one seed, and prints what happens, event by event; --shrink: if it fails,
                                    says which kinds of fault it needs
                   ./check simulate --from S [--seeds N] [--threads N]
                                    runs these seeds
                   ./check simulate --twice [--from S] [--seeds N]
                                    runs each seed (100) twice in lock step, and compares after every event
                   ./check simulate --defects [--short] [--defect PART] [--seeds N] [--report FILE] [--json]
                                    hunts the deliberate defects, each over at most N seeds (200); --short: as many
                                    defects as fit into 60 seconds, beginning with seeds that are known to find them
            """;

    final Set<FaultKind> without = EnumSet.noneOf(FaultKind.class);
    long first = -1;
    int threads = Runtime.getRuntime().availableProcessors();
    boolean single;
    boolean shrink;
    boolean twice;
    boolean json;
    boolean brief;
    boolean help;
    @Nullable
    String defects;
    @Nullable
    String report;
    private long minutesNanos = -1;
    private long seeds = -1;

    /**
     * Reads the command line.
     *
     * @throws IllegalArgumentException
     *             where it makes no sense
     */
    static Options of(List<String> arguments) {
        Options options = new Options();
        Iterator<String> each = arguments.iterator();
        while (each.hasNext()) {
            options.take(each.next(), each);
        }
        return options;
    }

    private void take(String name, Iterator<String> rest) {
        switch (name) {
            case "--help", "-h" -> help = true;
            case "--json" -> json = true;
            case "--short" -> brief = true;
            case "--twice" -> twice = true;
            case "--shrink" -> shrink = true;
            case "--defects" -> defects = defects == null ? "" : defects;
            case "--defect" -> defects = value(name, rest);
            case "--report" -> report = value(name, rest);
            case "--minutes" -> minutesNanos = (long) (positive(name, rest) * 60 * SECOND);
            case "--threads" -> threads = (int) number(name, rest);
            case "--seeds", "--runs" -> seeds = number(name, rest);
            case "--from" -> first = number(name, rest);
            case "--seed" -> {
                first = number(name, rest);
                single = true;
            }
            case "--without" -> value(name, rest).lines().flatMap(kinds -> List.of(kinds.split(",", -1)).stream())
                    .map(Options::kind).forEach(without::add);
            default -> throw new IllegalArgumentException("there is no '" + name + "'");
        }
    }

    private static FaultKind kind(String name) {
        try {
            return FaultKind.valueOf(name.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException unknown) {
            throw new IllegalArgumentException(
                    "there is no fault '" + name + "'; there are " + List.of(FaultKind.values()), unknown);
        }
    }

    private static String value(String name, Iterator<String> rest) {
        if (!rest.hasNext()) {
            throw new IllegalArgumentException(name + " needs a value");
        }
        return rest.next();
    }

    private static double positive(String name, Iterator<String> rest) {
        String text = value(name, rest);
        try {
            double parsed = Double.parseDouble(text);
            if (parsed > 0) {
                return parsed;
            }
        } catch (NumberFormatException noNumber) {
            throw new IllegalArgumentException(name + " needs a number, not '" + text + "'", noNumber);
        }
        throw new IllegalArgumentException(name + " needs a number above 0, not '" + text + "'");
    }

    private static long number(String name, Iterator<String> rest) {
        return (long) positive(name, rest);
    }

    /** For how long fresh seeds are run, or defects hunted. */
    long nanos() {
        if (minutesNanos >= 0) {
            return minutesNanos;
        }
        if (brief) {
            return defects == null ? SHORT_NANOS : 3 * SHORT_NANOS;
        }
        return defects != null || seeds >= 0 ? NO_LIMIT_NANOS : USUAL_NANOS;
    }

    /** How many seeds are run at most, per defect where defects are hunted. */
    long seeds() {
        if (seeds >= 0) {
            return seeds;
        }
        return defects != null ? DEFECT_RUNS : twice ? TWICE_RUNS : NO_LIMIT_NANOS;
    }
}

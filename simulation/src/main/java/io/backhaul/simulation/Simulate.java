package io.backhaul.simulation;

import io.backhaul.engine.time.Clock;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.simulation.defect.Defects;
import io.backhaul.simulation.world.EventLog;
import io.netty.util.ResourceLeakDetector;
import java.io.PrintStream;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** The command {@code ./check simulate}: many runs for a while, or one again with a readable log. */
public final class Simulate {
    private static final long SECOND = 1_000_000_000L;
    private static final String USAGE = """
            usage: ./check simulate [--minutes N] [--short] [--json]
                                    runs fresh seeds on all cores for N minutes (3; --short: 20 seconds)
                   ./check simulate --seed S [--without KIND,...] [--json]
                                    runs one seed, and prints what happens, event by event
                   ./check simulate --from S --runs N [--threads N]
                                    runs these seeds
                   ./check simulate --twice --from S --runs N
                                    runs each seed twice in lock step, and compares after every event
                   ./check simulate --defects [--defect PART] [--runs N] [--json]
                                    hunts the deliberate defects, each over at most N seeds (200)
            """;
    private final Clock clock = SystemClock.INSTANCE;
    private final PrintStream out = System.out;
    private final Set<FaultKind> without = EnumSet.noneOf(FaultKind.class);
    private long nanos = 180 * SECOND;
    private long runs = Long.MAX_VALUE / 2;
    private long first = -1;
    private int threads = Runtime.getRuntime().availableProcessors();
    private @Nullable String defects;
    private boolean single;
    private boolean twice;
    private boolean json;

    private Simulate() {}

    /** Exits with 0 where nothing was violated, 1 where something was, 2 where the arguments make no sense. */
    public static void main(String[] arguments) throws InterruptedException {
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
        // Virtual, so that a run and its fibers hand each other the turn without the system's help.
        Thread thread = Thread.ofVirtual().start(() -> System.exit(go(arguments)));
        thread.join();
    }

    private static int go(String[] arguments) {
        Simulate simulate = new Simulate();
        int code;
        try {
            code = simulate.parse(List.of(arguments)) ? simulate.run() : 0;
        } catch (IllegalArgumentException senseless) {
            System.err.println("simulate: " + senseless.getMessage() + "; ./check simulate --help says what there is");
            code = 2;
        } catch (InterruptedException stopped) {
            code = 1;
        }
        return code;
    }

    private boolean parse(List<String> arguments) {
        Iterator<String> each = arguments.iterator();
        while (each.hasNext()) {
            String name = each.next();
            switch (name) {
                case "--help", "-h" -> {
                    out.print(USAGE);
                    return false;
                }
                case "--json" -> json = true;
                case "--short" -> nanos = 20 * SECOND;
                case "--twice" -> twice = true;
                case "--defects" -> defects = "";
                case "--defect" -> defects = value(name, each);
                case "--minutes" -> nanos = (long) (Double.parseDouble(value(name, each)) * 60 * SECOND);
                case "--threads" -> threads = Integer.parseInt(value(name, each));
                case "--runs" -> {
                    runs = Long.parseLong(value(name, each));
                    nanos = Long.MAX_VALUE / 4;
                }
                case "--from" -> first = Long.parseLong(value(name, each));
                case "--seed" -> {
                    first = Long.parseLong(value(name, each));
                    single = true;
                }
                case "--without" -> {
                    for (String kind : value(name, each).split(",", -1)) {
                        without.add(FaultKind.valueOf(kind.toUpperCase(Locale.ROOT)));
                    }
                }
                default -> throw new IllegalArgumentException("there is no '" + name + "'");
            }
        }
        return true;
    }

    private static String value(String name, Iterator<String> each) {
        if (!each.hasNext()) {
            throw new IllegalArgumentException(name + " needs a value");
        }
        return each.next();
    }

    private int run() throws InterruptedException {
        if (defects != null) {
            return runDefects(defects);
        }
        if (first < 0) {
            first = Math.floorMod(clock.wallMicros() / 1000, 1_000_000_000_000L);
        }
        if (twice) {
            return runTwice();
        }
        return single ? runOne() : runMany();
    }

    private int runTwice() {
        for (long seed = first; seed < first + runs; seed++) {
            long event = Campaign.firstDifference(Plan.of(seed, without));
            if (event >= 0) {
                out.println("seed " + seed + ": two runs differ at event " + event);
                return 1;
            }
        }
        out.println(runs + " seeds from " + first + " on, each twice: alike after every event");
        return 0;
    }

    /** For who runs this with deliberate defects: after how many runs something failed, and what; or {@code -1}. */
    public static String firstFailure(long firstSeed, long maxRuns) {
        for (long seed = firstSeed; seed < firstSeed + maxRuns; seed++) {
            Throwable failure = new Run(Plan.of(seed, Set.of()), new EventLog()).go().failure();
            if (failure != null) {
                return seed - firstSeed + 1 + " " + failure;
            }
        }
        return "-1 nothing was violated in " + maxRuns + " runs";
    }

    private int runDefects(String part) throws InterruptedException {
        long most = runs < Long.MAX_VALUE / 4 ? runs : 200;
        List<Defects.Result> results = Defects.hunt(part, Math.max(first, 1), most, threads, result -> {
            if (!json) {
                out.println(result);
            }
        });
        long missed = results.stream().filter(result -> !result.isFound()).count();
        out.println(json ? JsonMapper.shared().writeValueAsString(Map.of("defects", results, "missed", missed))
                : results.size() + " defects, " + missed + " not found within " + most + " runs");
        return missed == 0 ? 0 : 1;
    }

    private int runOne() {
        Plan plan = Plan.of(first, without);
        EventLog log = json ? new EventLog()
                : new EventLog((at, who, what) -> out.printf("%12.6f %-10s %s%n", at / 1e9, who, what));
        long began = clock.nanos();
        Run.Outcome outcome = new Run(plan, log).go();
        Report report = new Report();
        report.add(outcome);
        Throwable failure = outcome.failure();
        if (failure != null) {
            report.failed(new Report.Failure(plan, String.valueOf(failure)));
            if (!json) {
                failure.printStackTrace(out);
            }
        }
        print(report, began, 1);
        return failure == null ? 0 : 1;
    }

    private int runMany() throws InterruptedException {
        long began = clock.nanos();
        Campaign campaign = new Campaign(clock, without);
        if (!json) {
            out.println("seeds from " + first + " on");
        }
        campaign.run(first, runs, nanos, threads);
        print(campaign.report(), began, threads);
        return campaign.report().isGood() ? 0 : 1;
    }

    private void print(Report report, long began, int onThreads) {
        double seconds = (clock.nanos() - began) / 1e9;
        out.println(json ? JsonMapper.shared().writeValueAsString(report.asMap(seconds, onThreads))
                : report.asText(seconds, onThreads));
    }
}

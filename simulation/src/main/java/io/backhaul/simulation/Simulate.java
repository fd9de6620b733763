package io.backhaul.simulation;

import io.backhaul.engine.time.Clock;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.simulation.defect.Defects;
import io.backhaul.simulation.world.EventLog;
import io.netty.util.ResourceLeakDetector;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** The command {@code ./check simulate}: many runs for a while, or one again with a readable log. */
public final class Simulate {
    private static final long BRIEF_NANOS = 1_800_000_000_000L;
    private final Clock clock = SystemClock.INSTANCE;
    private final PrintStream out = System.out;
    private final Options options;

    private Simulate(Options options) {
        this.options = options;
    }

    /** Exits with 0 where nothing was violated, 1 where something was, 2 where the arguments make no sense. */
    public static void main(String[] arguments) throws InterruptedException {
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
        // Virtual, so that a run and its fibers hand each other the turn without the system's help.
        Thread thread = Thread.ofVirtual().start(() -> System.exit(go(arguments)));
        thread.join();
    }

    private static int go(String[] arguments) {
        try {
            Options options = Options.of(List.of(arguments));
            if (options.help) {
                System.out.print(Options.USAGE);
                return 0;
            }
            return new Simulate(options).run();
        } catch (IllegalArgumentException senseless) {
            System.err.println("simulate: " + senseless.getMessage() + "; ./check simulate --help says what there is");
            return 2;
        } catch (IOException failed) {
            System.err.println("simulate: the report cannot be written: " + failed);
            return 1;
        } catch (InterruptedException stopped) {
            return 1;
        }
    }

    private int run() throws InterruptedException, IOException {
        if (options.defects != null) {
            return runDefects(options.defects);
        }
        if (options.twice) {
            return runTwice();
        }
        if (options.first < 0) {
            options.first = Math.floorMod(clock.wallMicros() / 1000, 1_000_000_000_000L);
        }
        return options.single ? runOne() : runMany();
    }

    private int runTwice() throws InterruptedException {
        long first = Math.max(options.first, 1);
        List<String> differing = Campaign.differing(first, options.seeds(), options.without, options.threads);
        differing.forEach(out::println);
        if (options.json) {
            out.println(JsonMapper.shared().writeValueAsString(
                    Map.of("good", differing.isEmpty(), "seeds", options.seeds(), "from", first, "differing",
                            differing)));
        } else if (differing.isEmpty()) {
            out.println(options.seeds() + " seeds from " + first + " on, each twice: alike after every event");
        }
        return differing.isEmpty() ? 0 : 1;
    }

    /** For who runs this with deliberate defects: what one seed finds; null where nothing. */
    @Nullable
    public static String failureOf(long seed) {
        Throwable failure = new Run(Plan.of(seed, Set.of()), new EventLog()).go().failure();
        return failure == null ? null : failure.toString();
    }

    /** Whether a seed's faults strike for half an hour at most. */
    public static boolean isBrief(long seed) {
        return Plan.of(seed, Set.of()).chaosNanos() <= BRIEF_NANOS;
    }

    /** Whether a seed is of a machine whose capture observes, by a ring. */
    public static boolean hasRing(long seed) {
        return Plan.of(seed, Set.of()).shape().isObserved();
    }

    /** Whether the operator asks for proofs in a seed's run. */
    public static boolean asksForProofs(long seed) {
        return Plan.of(seed, Set.of()).asksForProofs();
    }

    /** Whether the agent of a seed verifies its disks on a schedule. */
    public static boolean verifies(long seed) {
        return Plan.of(seed, Set.of()).shape().verifies().periodSeconds() > 0;
    }

    private int runDefects(String part) throws InterruptedException, IOException {
        var search = new Defects.Search(part, 0, Math.max(options.first, 1), options.seeds(), options.brief);
        List<Defects.Result> results = new Defects(clock).hunt(search, options.nanos(), options.threads, result -> {
            if (!options.json) {
                out.println(result);
            }
        });
        long found = results.stream().filter(Defects.Result::isFound).count();
        long missed = results.stream().filter(result -> result.outcome() == Defects.Outcome.MISSED).count();
        if (options.report != null) {
            Files.writeString(Path.of(options.report), ReportPage.ofDefects(results));
        }
        out.println(options.json
                ? JsonMapper.shared().writeValueAsString(
                        Map.of("defects", results, "found", found, "missed", missed, "all", Defects.names().size()))
                : found + " defects found, " + missed + " not found, of " + Defects.names().size());
        return missed == 0 ? 0 : 1;
    }

    private int runOne() throws IOException {
        Plan plan = Plan.of(options.first, options.without);
        EventLog log = options.json ? new EventLog()
                : new EventLog((at, who, what) -> out.printf("%12.6f %-10s %s%n", at / 1e9, who, what));
        long began = clock.nanos();
        Run.Outcome outcome = new Run(plan, log).go();
        Report report = new Report();
        report.add(outcome);
        Throwable failure = outcome.failure();
        if (failure != null) {
            Plan smallest = options.shrink ? Campaign.shrink(plan, failure, clock) : plan;
            report.failed(new Report.Failure(smallest, String.valueOf(failure), List.of()));
            if (!options.json) {
                failure.printStackTrace(out);
            }
        }
        print(report, began, 1);
        return failure == null ? 0 : 1;
    }

    private int runMany() throws InterruptedException, IOException {
        long began = clock.nanos();
        Campaign campaign = new Campaign(clock, options.without, options.json ? failure -> {} : out::println);
        if (!options.json) {
            out.println("seeds from " + options.first + " on");
        }
        campaign.run(options.first, options.seeds(), options.nanos(), options.threads);
        print(campaign.report(), began, options.threads);
        return campaign.report().isGood() ? 0 : 1;
    }

    private void print(Report report, long began, int onThreads) throws IOException {
        double seconds = (clock.nanos() - began) / 1e9;
        Map<String, Object> map = report.asMap(seconds, onThreads);
        if (options.report != null) {
            Files.writeString(Path.of(options.report), ReportPage.ofRuns(map, options.first));
        }
        out.println(options.json ? JsonMapper.shared().writeValueAsString(map) : report.asText(seconds, onThreads));
    }
}

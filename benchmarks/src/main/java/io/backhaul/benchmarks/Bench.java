package io.backhaul.benchmarks;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

import tools.jackson.databind.json.JsonMapper;

/** Runs the benchmarks and prints their figures on stdout, and what goes on on stderr. */
public final class Bench {
    private static final int USAGE = 2;
    private static final double MEGABYTE = 1e6;

    private final List<String> patterns = new ArrayList<>();
    private boolean brief;
    private boolean json;

    private Bench() {}

    /**
     * {@code [--short] [--json] [PATTERN...]}: a pattern is a regular expression that a benchmark's name contains.
     */
    public static void main(String[] args) throws RunnerException {
        Bench bench = new Bench();
        for (String argument : args) {
            switch (argument) {
                case "--short" -> bench.brief = true;
                case "--json" -> bench.json = true;
                default -> {
                    if (argument.startsWith("-")) {
                        System.err.println("bench: unknown option " + argument + "; there are --short and --json");
                        System.exit(USAGE);
                    }
                    bench.patterns.add(argument);
                }
            }
        }
        System.exit(bench.run());
    }

    private int run() throws RunnerException {
        ChainedOptionsBuilder options = new OptionsBuilder().forks(brief ? 1 : 2).warmupIterations(brief ? 1 : 4)
                .measurementIterations(brief ? 2 : 5).warmupTime(TimeValue.milliseconds(brief ? 300 : 2000))
                .measurementTime(TimeValue.milliseconds(brief ? 300 : 2000)).shouldFailOnError(true)
                .jvmArgsAppend("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "-Xmx1g",
                        "-Dslf4j.internal.verbosity=ERROR");
        if (patterns.isEmpty()) {
            options.include("io\\.backhaul\\.benchmarks\\.");
        }
        patterns.forEach(options::include);
        PrintStream progress = new PrintStream(System.err, true, StandardCharsets.UTF_8);
        var format = OutputFormatFactory.createFormatInstance(progress,
                brief ? VerboseMode.SILENT : VerboseMode.NORMAL);
        Collection<RunResult> results = new Runner(options.build(), format).run();
        if (results.isEmpty()) {
            System.err.println("bench: no benchmark's name contains " + String.join(" or ", patterns));
            return USAGE;
        }
        print(results);
        return 0;
    }

    private void print(Collection<RunResult> results) {
        Map<String, Figure> figures = new LinkedHashMap<>();
        for (RunResult result : results) {
            String name = result.getParams().getBenchmark().replaceFirst("^io\\.backhaul\\.benchmarks\\.", "")
                    .replaceFirst("Benchmark\\.", ".");
            figures.put(name, Figure.of(result));
        }
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(figures));
        } else {
            figures.forEach((name, figure) -> System.out.println(figure.line(name)));
        }
    }

    /**
     * What one benchmark showed.
     *
     * @param errorShare
     *            half of the confidence interval, as a share of the rate; 0 where too few windows were measured
     */
    private record Figure(double bytesPerSecond, double microsPerOperation, double errorShare) {
        static Figure of(RunResult result) {
            double bytesPerSecond = result.getPrimaryResult().getScore();
            double operationsPerSecond = bytesPerSecond / result.getParams().getOpsPerInvocation();
            double error = result.getPrimaryResult().getScoreError();
            return new Figure(bytesPerSecond, 1e6 / operationsPerSecond,
                    Double.isFinite(error) ? error / bytesPerSecond : 0);
        }

        String line(String name) {
            String spread = errorShare > 0 ? String.format(Locale.ROOT, "   ± %2.0f %%", 100 * errorShare) : "";
            return String.format(Locale.ROOT, "%-28s %10.1f MB/s %12.1f µs each%s", name, bytesPerSecond / MEGABYTE,
                    microsPerOperation, spread);
        }
    }
}

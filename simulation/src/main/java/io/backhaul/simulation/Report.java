package io.backhaul.simulation;

import io.backhaul.simulation.world.Tally;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What many runs together have shown. Safe from any thread. */
final class Report {
    private static final double NANOS_PER_HOUR = 3.6e12;
    private final Tally tally = new Tally();
    private final List<Failure> failures = new ArrayList<>();
    private long runs;
    private long events;
    private double virtualHours;

    /**
     * A run that failed, and the smallest set of fault kinds it still failed with.
     *
     * @param lastLines
     *            of its readable log
     */
    record Failure(Plan plan, String why, List<String> lastLines) {
        Failure {
            lastLines = List.copyOf(lastLines);
        }
    }

    synchronized void add(Run.Outcome outcome) {
        runs++;
        events += outcome.events();
        virtualHours += outcome.virtualNanos() / NANOS_PER_HOUR;
        tally.addAll(outcome.tally());
    }

    synchronized void failed(Failure failure) {
        failures.add(failure);
    }

    synchronized boolean isGood() {
        return failures.isEmpty();
    }

    synchronized long runs() {
        return runs;
    }

    synchronized List<Failure> failures() {
        return List.copyOf(failures);
    }

    private List<String> notReached() {
        return Sometimes.REACHED.stream().filter(name -> tally.of(name) == 0).toList();
    }

    private Map<String, Long> beginningWith(String prefix) {
        Map<String, Long> some = new LinkedHashMap<>();
        tally.counts().forEach((name, count) -> {
            if (name.startsWith(prefix)) {
                some.put(name.substring(prefix.length()), count);
            }
        });
        return some;
    }

    /** Of a core that had nothing else to do, by the processor time that this process took, compiling itself included. */
    private double hoursPerCoreHour() {
        double coreSeconds = ProcessHandle.current().info().totalCpuDuration().map(Duration::toMillis).orElse(0L)
                / 1000.0;
        return coreSeconds <= 0 ? 0 : virtualHours / (coreSeconds / 3600);
    }

    /** For machines. */
    synchronized Map<String, Object> asMap(double seconds, int threads) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("good", failures.isEmpty());
        map.put("seeds", runs);
        map.put("seconds", seconds);
        map.put("threads", threads);
        map.put("events", events);
        map.put("virtualHours", virtualHours);
        map.put("virtualHoursPerCoreHour", hoursPerCoreHour());
        map.put("faults", beginningWith("fault "));
        map.put("checked", beginningWith("checked: "));
        map.put("counts", tally.counts());
        map.put("notReached", notReached());
        map.put("failures", failures.stream()
                .map(failure -> Map.of("seed", failure.plan().seed(), "command", failure.plan().command(), "why",
                        failure.why()))
                .toList());
        return map;
    }

    /** For people. */
    synchronized String asText(double seconds, int threads) {
        StringBuilder text = new StringBuilder();
        text.append(
                "%d seeds in %.0f s on %d threads: %,d events, %.1f virtual hours (%.0f per hour of processor time)%n"
                        .formatted(runs, seconds, threads, events, virtualHours, hoursPerCoreHour()));
        text.append("faults: ").append(beginningWith("fault ")).append('\n');
        text.append("checked: ").append(beginningWith("checked: ")).append('\n');
        if (!notReached().isEmpty()) {
            text.append("not reached: ").append(notReached()).append('\n');
        }
        for (Failure failure : failures) {
            failure.lastLines().forEach(line -> text.append("  ").append(line).append('\n'));
            text.append("FAILED seed ").append(failure.plan().seed()).append(": ").append(failure.why())
                    .append("\n  again, with the whole log: ").append(failure.plan().command()).append('\n');
        }
        return text.append(failures.isEmpty() ? "no violation" : failures.size() + " runs failed").toString();
    }
}

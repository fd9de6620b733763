package io.backhaul.simulation;

import io.backhaul.engine.time.Clock;
import io.backhaul.simulation.world.EventLog;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** Many runs, on as many threads as there are cores, one run to a thread. */
final class Campaign {
    private static final int MAX_FAILURES = 10;
    private static final int LAST_LINES = 40;
    private static final long SHRINKING_NANOS = 30_000_000_000L;
    private final Clock clock;
    private final Set<FaultKind> without;
    private final Consumer<String> found;
    private final Report report = new Report();

    /** @param found is told of each run that fails, in a line, as soon as it has */
    Campaign(Clock clock, Set<FaultKind> without, Consumer<String> found) {
        this.clock = clock;
        this.found = found;
        this.without = EnumSet.noneOf(FaultKind.class);
        this.without.addAll(without);
    }

    Report report() {
        return report;
    }

    /** Runs seeds from the first on, until so much time has passed, or so many have run. */
    void run(long firstSeed, long maxRuns, long nanos, int threads) throws InterruptedException {
        AtomicLong next = new AtomicLong(firstSeed);
        long end = clock.nanos() + nanos;
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            workers.add(Thread.ofVirtual().name("simulation-" + i).start(() -> {
                long seed = next.getAndIncrement();
                while (seed < firstSeed + maxRuns && clock.nanos() < end && report.failures().size() < MAX_FAILURES) {
                    one(Plan.of(seed, without));
                    seed = next.getAndIncrement();
                }
            }));
        }
        for (Thread worker : workers) {
            worker.join();
        }
    }

    private void one(Plan plan) {
        Run.Outcome outcome = new Run(plan, new EventLog()).go();
        report.add(outcome);
        Throwable failure = outcome.failure();
        if (failure != null) {
            found.accept("seed " + plan.seed() + " fails: " + failure);
            Plan smallest = shrink(plan, failure, clock);
            report.failed(new Report.Failure(smallest, String.valueOf(failure), lastLines(smallest)));
        }
    }

    /** Switches one kind of fault after the other off, as long as the same thing still fails, and not for too long. */
    static Plan shrink(Plan plan, Throwable failure, Clock clock) {
        long end = clock.nanos() + SHRINKING_NANOS;
        Plan smallest = plan;
        for (FaultKind kind : plan.faults().keySet()) {
            if (clock.nanos() < end) {
                Plan fewer = smallest.without(kind);
                Throwable still = new Run(fewer, new EventLog()).go().failure();
                smallest = still != null && isAlike(failure, still) ? fewer : smallest;
            }
        }
        return smallest;
    }

    /** Runs it again, and reads what happened last. */
    private static List<String> lastLines(Plan plan) {
        Deque<String> lines = new ArrayDeque<>();
        new Run(plan, new EventLog((at, who, what) -> {
            if (lines.size() == LAST_LINES) {
                lines.removeFirst();
            }
            lines.add(String.format(Locale.ROOT, "%12.6f %-10s %s", at / 1e9, who, what));
        })).go();
        return List.copyOf(lines);
    }

    private static boolean isAlike(Throwable one, Throwable other) {
        if (one instanceof Violation first && other instanceof Violation second) {
            return first.invariant() == second.invariant();
        }
        return one.getClass() == other.getClass() && Objects.equals(one.getMessage(), other.getMessage());
    }

    /** Runs each seed twice in lock step; says which differ, and at which event. */
    static List<String> differing(long firstSeed, long seeds, Set<FaultKind> without, int threads)
            throws InterruptedException {
        List<String> differing = new ArrayList<>();
        AtomicLong next = new AtomicLong(firstSeed);
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            workers.add(Thread.ofVirtual().start(() -> {
                for (long seed = next.getAndIncrement(); seed < firstSeed + seeds; seed = next.getAndIncrement()) {
                    long event = firstDifference(Plan.of(seed, without));
                    if (event >= 0) {
                        synchronized (differing) {
                            differing.add("seed " + seed + ": two runs differ at event " + event);
                        }
                    }
                }
            }));
        }
        for (Thread worker : workers) {
            worker.join();
        }
        return differing;
    }

    /**
     * Runs a plan twice, side by side, and compares after every event.
     *
     * @return at which event they differ; -1 where they do not
     */
    static long firstDifference(Plan plan) {
        Run one = new Run(plan, new EventLog());
        Run other = new Run(plan, new EventLog());
        try {
            long event = 0;
            while (true) {
                boolean goesOn = stepped(one);
                if (goesOn != stepped(other) || one.hash() != other.hash()) {
                    return event;
                }
                if (!goesOn) {
                    return -1;
                }
                event++;
            }
        } finally {
            one.close();
            other.close();
        }
    }

    private static boolean stepped(Run run) {
        try {
            return run.step();
        } catch (RuntimeException | Error ended) {
            return false;
        }
    }
}

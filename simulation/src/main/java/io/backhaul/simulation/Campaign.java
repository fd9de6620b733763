package io.backhaul.simulation;

import io.backhaul.engine.time.Clock;
import io.backhaul.simulation.world.EventLog;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** Many runs, on as many threads as there are cores, one run to a thread. */
final class Campaign {
    private static final int MAX_FAILURES = 10;
    private final Clock clock;
    private final Set<FaultKind> without;
    private final Report report = new Report();

    Campaign(Clock clock, Set<FaultKind> without) {
        this.clock = clock;
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
            report.failed(new Report.Failure(shrink(plan, failure), String.valueOf(failure)));
        }
    }

    /** Switches one kind of fault after the other off, as long as the same thing still fails. */
    static Plan shrink(Plan plan, Throwable failure) {
        Plan smallest = plan;
        for (FaultKind kind : plan.faults().keySet()) {
            Plan fewer = smallest.without(kind);
            Throwable still = new Run(fewer, new EventLog()).go().failure();
            if (still != null && isAlike(failure, still)) {
                smallest = fewer;
            }
        }
        return smallest;
    }

    private static boolean isAlike(Throwable one, Throwable other) {
        if (one instanceof Violation first && other instanceof Violation second) {
            return first.invariant() == second.invariant();
        }
        return one.getClass() == other.getClass() && Objects.equals(one.getMessage(), other.getMessage());
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

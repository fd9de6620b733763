package io.backhaul.simulation.defect;

import io.backhaul.engine.time.Clock;
import io.backhaul.simulation.Simulate;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Hunts the deliberate defects, and says after how many runs each was found. Long runs are left out: as many short ones in
 * their stead find more.
 */
public final class Defects {
    private final Clock clock;
    private final Properties known = new Properties();

    public Defects(Clock clock) {
        this.clock = clock;
        try (InputStream seeds = Defects.class.getResourceAsStream("defect-seeds.properties")) {
            if (seeds != null) {
                known.load(seeds);
            }
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** What a hunt may come to. */
    public enum Outcome {
        /** Something was violated. */
        FOUND,
        /** Nothing was violated in as many runs as were asked for. */
        MISSED,
        /** The time was over first. */
        NO_TIME
    }

    /**
     * What came of one defect.
     *
     * @param runs
     *            how many runs there were, the last one the one that found it
     * @param seed
     *            of the run that found it
     * @param how
     *            what was violated
     */
    public record Result(String name, String sentence, Outcome outcome, long runs, long seed, String how) {
        /** Whether the simulation has noticed. */
        public boolean isFound() {
            return outcome == Outcome.FOUND;
        }

        /** What was violated, in one word where there is one. */
        public String invariant() {
            int start = how.indexOf("Violation: ");
            String rest = start < 0 ? how : how.substring(start + "Violation: ".length());
            int end = rest.indexOf(start < 0 ? ":" : " ");
            return end < 0 ? rest : rest.substring(0, end);
        }

        @Override
        public String toString() {
            String brief = how.length() > 200 ? how.substring(0, 200) + " …" : how;
            return String.format(Locale.ROOT, "%-26s %s", name, switch (outcome) {
                case FOUND -> "found after " + runs + (runs == 1 ? " run" : " runs") + " (seed " + seed + "): " + brief;
                case MISSED -> "NOT FOUND in " + runs + " runs";
                case NO_TIME -> "not found in " + runs + " runs: " + brief;
            });
        }
    }

    /**
     * What to hunt.
     *
     * @param part
     *            in the names of those wanted; empty for all
     * @param offset
     *            which of them is the first
     * @param firstSeed
     *            from which on seeds are tried
     * @param hinted
     *            whether the seed that is known to find a defect is tried first
     */
    public record Search(String part, int offset, long firstSeed, long maxRuns, boolean hinted) {}

    /** The names of all there are. */
    public static List<String> names() {
        return Defect.all().stream().map(Defect::name).toList();
    }

    /** Changes the code as each defect does, without running it; throws a LinkageError where one does not fit. */
    public static void applyAll() {
        for (Defect defect : Defect.all()) {
            new Probe(defect).apply();
        }
    }

    /**
     * Hunts until all have been hunted or the time is over.
     *
     * @param told
     *            hears each result as it comes, from any thread, one at a time
     */
    public List<Result> hunt(Search search, long nanos, int threads, Consumer<Result> told)
            throws InterruptedException {
        List<Defect> wanted = Defect.all().stream().filter(defect -> defect.name().contains(search.part())).toList();
        long endNanos = clock.nanos() + nanos;
        List<Result> results = new ArrayList<>();
        List<LinkageError> unfit = new ArrayList<>();
        AtomicInteger next = new AtomicInteger();
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            workers.add(Thread.ofVirtual().start(() -> {
                int at = next.getAndIncrement();
                while (at < wanted.size() && clock.nanos() < endNanos) {
                    Defect defect = wanted.get(Math.floorMod(at + search.offset(), wanted.size()));
                    Result result = huntOne(defect, search, endNanos, unfit);
                    if (result != null) {
                        synchronized (results) {
                            results.add(result);
                            told.accept(result);
                        }
                    }
                    at = next.getAndIncrement();
                }
            }));
        }
        for (Thread worker : workers) {
            worker.join();
        }
        if (!unfit.isEmpty()) {
            throw unfit.getFirst();
        }
        return results;
    }

    private @Nullable Result huntOne(Defect defect, Search search, long endNanos, List<LinkageError> unfit) {
        LongStream seeds = LongStream.iterate(search.firstSeed(), seed -> seed + 1).filter(Simulate::isBrief)
                .filter(seed -> !defect.name().startsWith("ring-") || Simulate.hasRing(seed))
                .filter(seed -> !defect.name().startsWith("proof-") || Simulate.asksForProofs(seed))
                .filter(seed -> !defect.name().startsWith("verify-") || Simulate.verifies(seed))
                .limit(search.maxRuns());
        String hint = known.getProperty(defect.name());
        if (search.hinted() && hint != null) {
            seeds = LongStream.concat(LongStream.of(Long.parseLong(hint.strip())), seeds);
        }
        try {
            return new Probe(defect).hunt(seeds, clock, endNanos);
        } catch (LinkageError wrong) {
            synchronized (unfit) {
                unfit.add(wrong);
            }
            return null;
        }
    }
}

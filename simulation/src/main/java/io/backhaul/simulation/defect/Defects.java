package io.backhaul.simulation.defect;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Hunts all deliberate defects, and says after how many runs each was found. */
public final class Defects {
    private Defects() {}

    /** What came of one defect: after how many runs it was found (-1: not), and by what. */
    public record Result(String name, String sentence, long runs, String how) {
        /** Whether the simulation has noticed. */
        public boolean isFound() {
            return runs > 0;
        }

        @Override
        public String toString() {
            String short_ = how.length() > 160 ? how.substring(0, 160) + " …" : how;
            return String.format(Locale.ROOT, "%-26s %s", name, isFound() ? "found after " + runs + " runs: " + short_
                    : "NOT FOUND " + short_);
        }
    }

    /**
     * Hunts those whose name contains the text, each over so many seeds at most.
     *
     * @param told
     *            hears each result as it comes, from any thread, one at a time
     */
    public static List<Result> hunt(String part, long firstSeed, long maxRuns, int threads, Consumer<Result> told)
            throws InterruptedException {
        List<Defect> wanted = Defect.all().stream().filter(defect -> defect.name().contains(part)).toList();
        List<Result> results = new ArrayList<>();
        AtomicInteger next = new AtomicInteger();
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            workers.add(Thread.ofVirtual().start(() -> {
                for (int at = next.getAndIncrement(); at < wanted.size(); at = next.getAndIncrement()) {
                    Probe.Finding finding = new Probe(wanted.get(at)).hunt(firstSeed, maxRuns);
                    Result result = new Result(finding.defect().name(), finding.defect().sentence(), finding.runs(),
                            finding.how());
                    synchronized (results) {
                        results.add(result);
                        told.accept(result);
                    }
                }
            }));
        }
        for (Thread worker : workers) {
            worker.join();
        }
        return results;
    }
}

package io.backhaul.source;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Whether what the machine writes gets through as fast as it is written: judged by how the backlog has moved over the last
 * twenty seconds. A backlog is payload that is captured and not journaled, and what must still be compared, or read and
 * sent.
 * Owned by the session's loop.
 */
final class Outlook {
    private static final long WINDOW_NANOS = 20_000_000_000L;
    /** A backlog below this is on its way; so is one of what gets through in a second. */
    private static final long SMALL_BYTES = 4 << 20;
    /** A backlog that shrinks by less than this part of what gets through, or than so many bytes, does not shrink. */
    private static final long STILL_PART = 20;
    private static final long STILL_BYTES = 64 << 10;

    private final Deque<Sample> samples = new ArrayDeque<>();

    private record Sample(long nanos, long backlogBytes, long throughBytes) {}

    /** How it goes. */
    enum Trend {
        /** What is written gets through. */
        KEEPING_UP("keeping up"),
        /** There is a backlog, and it shrinks, or nobody can tell yet. */
        CATCHING_UP("catching up"),
        /** There is a backlog, and it does not shrink. */
        NOT_CONVERGING("not converging");

        private final String label;

        Trend(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    /**
     * What can be said.
     *
     * @param throughBytesPerSecond
     *            payload journaled, on average over the window
     * @param etaMillis
     *            until the backlog is gone at this pace; -1 where nobody can tell
     */
    record Verdict(Trend trend, long throughBytesPerSecond, long etaMillis) {
        static final Verdict UNKNOWN = new Verdict(Trend.CATCHING_UP, 0, -1);
    }

    /**
     * Looks again, a few times a second at most.
     *
     * @param throughBytes
     *            payload journaled, since any beginning; where it begins anew, so does the window
     */
    void look(long nowNanos, long backlogBytes, long throughBytes) {
        if (!samples.isEmpty() && throughBytes < samples.getLast().throughBytes) {
            samples.clear();
        }
        samples.add(new Sample(nowNanos, backlogBytes, throughBytes));
        while (samples.size() > 2 && nowNanos - second().nanos >= WINDOW_NANOS) {
            samples.removeFirst();
        }
    }

    private Sample second() {
        var each = samples.iterator();
        each.next();
        return each.next();
    }

    Verdict verdict() {
        if (samples.isEmpty()) {
            return Verdict.UNKNOWN;
        }
        Sample first = samples.getFirst();
        Sample last = samples.getLast();
        long millis = Math.max(1, (last.nanos - first.nanos) / 1_000_000);
        long rate = (last.throughBytes - first.throughBytes) * 1000 / millis;
        long small = Math.max(SMALL_BYTES, rate);
        if (last.backlogBytes <= small) {
            return new Verdict(Trend.KEEPING_UP, rate, 0);
        }
        long halfNanos = first.nanos + (last.nanos - first.nanos) / 2;
        long before = mean(first.nanos, halfNanos);
        long shrunk = before - mean(halfNanos, last.nanos + 1);
        long still = Math.max(STILL_BYTES, (last.throughBytes - first.throughBytes) / 2 / STILL_PART);
        if (last.nanos - first.nanos < WINDOW_NANOS || shrunk > still) {
            long eta = shrunk <= 0 ? -1 : last.backlogBytes / Math.max(1, shrunk * 2 / millis);
            return new Verdict(Trend.CATCHING_UP, rate, eta);
        }
        boolean always = samples.stream().allMatch(each -> each.backlogBytes > small);
        return new Verdict(always ? Trend.NOT_CONVERGING : Trend.CATCHING_UP, rate, -1);
    }

    /**
     * What status tells.
     *
     * @param streaming
     *            whether a process server is there to send to
     */
    SourceStatus.Pace pace(SourceStatus.Reached at, boolean streaming) {
        Verdict verdict = verdict();
        String reason = verdict.trend == Trend.NOT_CONVERGING ? obstacle(at, streaming) : "";
        return new SourceStatus.Pace(verdict.trend.label, verdict.throughBytesPerSecond, verdict.etaMillis, reason);
    }

    /** Where what is captured lies and waits. */
    private static String obstacle(SourceStatus.Reached at, boolean streaming) {
        if (!streaming) {
            return "there is no link to a process server; see what its fault says";
        }
        boolean beyond = at.received().generation() == at.journaled().generation()
                && at.received().sequence() - at.journaled().sequence() > at.captured().sequence()
                        - at.received().sequence();
        return beyond
                ? "the process server has it, and the master target does not take it as fast as it is written; look at"
                        + " the link between them, and at the master target's disks"
                : "the process server does not take it as fast as it is written; look at the link to it, at its spool"
                        + " and its disk, or have less written";
    }

    private long mean(long fromNanos, long toNanos) {
        return (long) samples.stream().filter(each -> fromNanos <= each.nanos && each.nanos < toNanos)
                .mapToLong(Sample::backlogBytes).average().orElse(0);
    }
}

package io.backhaul.processserver;

import io.backhaul.protocol.Position;
import java.util.ArrayDeque;

/**
 * Tells how much of a stream lies between what came in and what the target has journaled, in bytes and in age. Keeps a few
 * thousand milestones at most, and becomes coarser instead of growing. Owned by the machine's loop.
 */
final class LagMeter {
    private static final int MAX_MILESTONES = 4096;

    /** A frame came in: everything up to it is so many bytes, and it was closed by the source at that time. */
    private record Milestone(Position last, long totalBytes, long timeMicros) {}

    private final ArrayDeque<Milestone> milestones = new ArrayDeque<>();
    private long totalBytes;
    private long passedBytes;

    /** A frame has come in. */
    void came(Position last, long bytes, long timeMicros) {
        totalBytes += bytes;
        if (milestones.size() >= MAX_MILESTONES) {
            coarsen();
        }
        milestones.add(new Milestone(last, totalBytes, timeMicros));
    }

    /** Joins each milestone with the one behind it, and keeps the older time. */
    private void coarsen() {
        int pairs = milestones.size() / 2;
        for (int i = 0; i < pairs; i++) {
            Milestone older = milestones.removeFirst();
            Milestone newer = milestones.removeFirst();
            milestones.add(new Milestone(newer.last(), newer.totalBytes(), older.timeMicros()));
        }
    }

    /** The target has come so far. */
    void passed(Position journaled) {
        while (!milestones.isEmpty() && journaled.isAtLeast(milestones.getFirst().last())) {
            passedBytes = milestones.removeFirst().totalBytes();
        }
    }

    /** Everything has been given up. */
    void clear() {
        milestones.clear();
        passedBytes = totalBytes;
    }

    long lagBytes() {
        return totalBytes - passedBytes;
    }

    /** How old the oldest frame is that has not passed; 0 where all have. */
    long lagMicros(long nowMicros) {
        return milestones.isEmpty() ? 0 : Math.max(0, nowMicros - milestones.getFirst().timeMicros());
    }
}

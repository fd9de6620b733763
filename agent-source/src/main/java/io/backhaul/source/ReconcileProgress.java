package io.backhaul.source;

import io.backhaul.engine.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How much of a baseline or catch-up is done, at which rate, and how long the rest will take. Owned by the session's loop. */
final class ReconcileProgress {
    private final Clock clock;
    private final long[] doneBytes;
    private long begunNanos;

    ReconcileProgress(int disks, Clock clock) {
        this.clock = clock;
        this.doneBytes = new long[disks];
        this.begunNanos = clock.nanos();
    }

    /**
     * One disk.
     *
     * @param doneBytes
     *            read or found equal since this baseline or catch-up began
     * @param leftBytes
     *            still to compare, or to read and send
     * @param etaMillis
     *            time left at this rate; -1 where it cannot be told
     */
    record OfDisk(long doneBytes, long leftBytes, long bytesPerSecond, long etaMillis) {}

    void begin() {
        begunNanos = clock.nanos();
        Arrays.fill(doneBytes, 0);
    }

    void done(int disk, long bytes) {
        doneBytes[disk] += bytes;
    }

    List<OfDisk> report(List<Long> leftBytes) {
        long elapsedMillis = Math.max(1, (clock.nanos() - begunNanos) / 1_000_000);
        List<OfDisk> report = new ArrayList<>();
        for (int i = 0; i < doneBytes.length; i++) {
            long rate = doneBytes[i] * 1000 / elapsedMillis;
            long left = leftBytes.get(i);
            long eta = left == 0 ? 0 : rate == 0 ? -1 : left * 1000 / rate;
            report.add(new OfDisk(doneBytes[i], left, rate, eta));
        }
        return report;
    }
}

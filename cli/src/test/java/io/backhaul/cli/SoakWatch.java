package io.backhaul.cli;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Looks again and again at what the parts say and take, while they are being maltreated. */
final class SoakWatch implements AutoCloseable {
    private static final long LOOK_MILLIS = 200;
    private static final String PEAK = "VmHWM:";

    private final Fleet fleet;
    private final CountDownLatch stop = new CountDownLatch(1);
    private final Thread thread;
    private final Map<Part, Long> peakBytes = new ConcurrentHashMap<>();
    private volatile Position journaled = Position.NONE;
    private volatile @Nullable String violation;

    private SoakWatch(Fleet fleet) {
        this.fleet = fleet;
        this.thread = Thread.ofPlatform().daemon().name("soak-watch").unstarted(this::run);
    }

    static SoakWatch over(Fleet fleet) {
        var watch = new SoakWatch(fleet);
        watch.thread.start();
        return watch;
    }

    private void run() {
        try {
            do {
                look();
            } while (!stop.await(LOOK_MILLIS, TimeUnit.MILLISECONDS));
        } catch (InterruptedException hurry) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() {
        for (Part part : Part.values()) {
            fleet.pid(part).ifPresent(pid -> peakBytes.merge(part, peakOf(pid), Math::max));
        }
        try {
            String text = fleet.machine(Part.MASTER_TARGET).group("positions").text("journaled");
            Position now = text.isEmpty() ? Position.NONE : Position.parse(text);
            if (!now.equals(Position.NONE) && now.isBefore(journaled)) {
                violation = "the master target had journaled " + journaled + ", and now says " + now;
            }
            journaled = journaled.max(now);
        } catch (ControlFault silent) {
            // It is being started again, or has been stopped for a while.
            return;
        }
    }

    private static long peakOf(long pid) {
        try {
            return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status")).stream()
                    .filter(line -> line.startsWith(PEAK))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10).findFirst().orElse(0);
        } catch (IOException ended) {
            return 0;
        }
    }

    /** What the master target had journaled when it was last heard. */
    Position journaled() {
        return journaled;
    }

    void check() {
        String wrong = violation;
        if (wrong != null) {
            throw new AssertionError(wrong);
        }
    }

    /** The most memory that a process of a part ever took, by the part's name. */
    Map<String, Long> peakBytes() {
        Map<String, Long> named = new LinkedHashMap<>();
        for (Part part : Part.values()) {
            named.put(part.label(), peakBytes.getOrDefault(part, 0L));
        }
        return named;
    }

    @Override
    public void close() {
        stop.countDown();
    }
}

package io.backhaul.cli;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Looks again and again at what the parts say and take, while they are being maltreated. */
final class SoakWatch implements AutoCloseable {
    private static final long LOOK_MILLIS = 200;
    private static final String PEAK = "VmHWM:";

    private final Fleet fleet;
    private final Worker worker;
    private final Map<Part, Long> peakBytes = new ConcurrentHashMap<>();
    private volatile Position journaled = Position.NONE;

    private SoakWatch(Fleet fleet) {
        this.fleet = fleet;
        this.worker = new Worker("watching", this::run);
    }

    static SoakWatch over(Fleet fleet) {
        var watch = new SoakWatch(fleet);
        watch.worker.start();
        return watch;
    }

    private void run() throws InterruptedException {
        do {
            look();
        } while (!worker.rest(LOOK_MILLIS));
    }

    private void look() {
        for (Part part : Part.values()) {
            fleet.pid(part).ifPresent(pid -> peakBytes.merge(part, peakOf(pid), Math::max));
        }
        try {
            String text = fleet.machine(Part.MASTER_TARGET).group("positions").text("journaled");
            Position now = text.isEmpty() ? Position.NONE : Position.parse(text);
            if (!now.equals(Position.NONE) && now.isBefore(journaled)) {
                throw new IllegalStateException(
                        "the master target had journaled " + journaled + ", and now says " + now);
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

    void check() throws IOException {
        worker.check();
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
        worker.close();
    }
}

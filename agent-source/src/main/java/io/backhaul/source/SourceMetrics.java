package io.backhaul.source;

import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.protocol.Position;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** What a source counts. */
final class SourceMetrics {
    private static final Metric SEQUENCE = Metric.gauge("backhaul.source.sequence", "",
            "Sequence of the position so named, within its generation.", "position");
    private static final Metric GENERATION = Metric.gauge("backhaul.source.generation", "",
            "Generation of the position so named.", "position");
    private static final Metric FIDELITY = Metric.gauge("backhaul.source.fidelity", "",
            "0: baseline, 1: catch-up, 2: ordered.");
    private static final Metric LAG_BYTES = Metric.gauge("backhaul.source.lag", "bytes",
            "Payload captured and not journaled yet.");
    private static final Metric LAG_AGE = Metric.gauge("backhaul.source.lag.age", "seconds",
            "Age of the oldest captured record that is not journaled yet.");
    private static final Metric RPO = Metric.gauge("backhaul.source.rpo", "seconds",
            "How much would be lost if the machine were lost now.");
    private static final Metric CONVERGING = Metric.gauge("backhaul.source.converging", "",
            "1 while what is written gets through, or a backlog shrinks; 0 while it does neither.");
    private static final Metric CAPTURED = Metric.counter("backhaul.source.captured", "bytes", "Payload captured.");
    private static final Metric SENT = Metric.counter("backhaul.source.sent", "bytes",
            "Frames sent, with repetitions.");
    private static final Metric PLAIN = Metric.counter("backhaul.source.payload", "bytes",
            "Payload put into frames, before compression.");
    private static final Metric PACKED = Metric.counter("backhaul.source.packed", "bytes",
            "Frames made of that payload.");
    private static final Metric RATIO = Metric.gauge("backhaul.source.compression.ratio", "",
            "Payload divided by the frames made of it, since the start; 1 before there is any.");
    private static final Metric OVERFLOWS = Metric.counter("backhaul.source.overflows", "",
            "How often captured writes found no room.");
    private static final Metric RESENT = Metric.counter("backhaul.source.resent", "bytes",
            "What the master target could not give back any more, and was read and sent again.");
    private static final Metric VERIFIED = Metric.counter("backhaul.source.verified", "bytes",
            "What verifications have compared with the replica.");
    private static final Metric DIFFERED = Metric.counter("backhaul.source.differed", "bytes",
            "What verifications have found to differ, and was sent again.");
    private static final Metric PENDING = Metric.gauge("backhaul.source.pending", "bytes",
            "What is marked and must still be read and sent.", "disk");
    private static final Metric LEFT = Metric.gauge("backhaul.source.left", "bytes",
            "What the baseline or catch-up under way still has before it.", "disk");

    private SourceMetrics() {}

    static List<Metric> all() {
        return List.of(SEQUENCE, GENERATION, FIDELITY, LAG_BYTES, LAG_AGE, RPO, CONVERGING, CAPTURED, SENT, PLAIN,
                PACKED,
                RATIO, OVERFLOWS, RESENT, VERIFIED, DIFFERED, PENDING, LEFT);
    }

    private static double ratio(long plainBytes, long packedBytes) {
        return packedBytes == 0 ? 1 : (double) plainBytes / packedBytes;
    }

    /** Shows a source; {@code latest} gives a status of lately, to any thread. */
    static void show(Metrics metrics, Supplier<SourceStatus> latest, List<SourceDisk> disks) {
        position(metrics, latest, "captured", SourceStatus.Reached::captured);
        position(metrics, latest, "sent", SourceStatus.Reached::sent);
        position(metrics, latest, "received", SourceStatus.Reached::received);
        position(metrics, latest, "spooled", SourceStatus.Reached::spooled);
        position(metrics, latest, "forwarded", SourceStatus.Reached::forwarded);
        position(metrics, latest, "journaled", SourceStatus.Reached::journaled);
        position(metrics, latest, "applied", SourceStatus.Reached::applied);
        one(metrics, latest, FIDELITY, status -> status.fidelity().code());
        one(metrics, latest, LAG_BYTES, status -> status.lag().lagBytes());
        one(metrics, latest, LAG_AGE, status -> status.lag().lagMillis() / 1000.0);
        one(metrics, latest, RPO, status -> status.lag().rpoMillis() / 1000.0);
        one(metrics, latest, CONVERGING, status -> status.pace().isConverging() ? 1 : 0);
        one(metrics, latest, CAPTURED, status -> status.traffic().capturedBytes());
        one(metrics, latest, SENT, status -> status.traffic().sentBytes());
        one(metrics, latest, PLAIN, status -> status.traffic().plainBytes());
        one(metrics, latest, PACKED, status -> status.traffic().packedBytes());
        one(metrics, latest, RATIO, status -> ratio(status.traffic().plainBytes(), status.traffic().packedBytes()));
        one(metrics, latest, OVERFLOWS, status -> status.traffic().overflows());
        one(metrics, latest, RESENT, status -> status.traffic().resentBytes());
        one(metrics, latest, VERIFIED, status -> status.verified().since().comparedBytes());
        one(metrics, latest, DIFFERED, status -> status.verified().since().differingBytes());
        for (SourceDisk disk : disks) {
            int index = disk.info().index();
            String label = disk.info().stableId();
            metrics.show(PENDING, () -> latest.get().disks().get(index).pendingBytes(), label);
            metrics.show(LEFT, () -> latest.get().disks().get(index).leftBytes(), label);
        }
    }

    private static void one(Metrics metrics, Supplier<SourceStatus> latest, Metric metric,
            ToDoubleFunction<SourceStatus> value) {
        metrics.show(metric, () -> value.applyAsDouble(latest.get()));
    }

    private static void position(Metrics metrics, Supplier<SourceStatus> latest, String name,
            Function<SourceStatus.Reached, Position> which) {
        metrics.show(SEQUENCE, () -> which.apply(latest.get().positions()).sequence(), name);
        metrics.show(GENERATION, () -> which.apply(latest.get().positions()).generation(), name);
    }
}

package io.backhaul.mastertarget;

import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** What a master target counts. */
final class MasterTargetMetrics {
    private static final Metric SEQUENCE = Metric.gauge("backhaul.target.sequence", "",
            "Sequence of the position so named, within its generation.", "machine", "position");
    private static final Metric GENERATION = Metric.gauge("backhaul.target.generation", "",
            "Generation of the position so named.", "machine", "position");
    private static final Metric FIDELITY = Metric.gauge("backhaul.target.fidelity", "",
            "0: baseline, 1: catch-up, 2: ordered.", "machine");
    private static final Metric JOURNAL = Metric.gauge("backhaul.target.journal", "bytes",
            "What the machine's journal takes on the retention volume.", "machine");
    private static final Metric EXTENTS = Metric.gauge("backhaul.target.index.extents", "",
            "Extents that the index of the journal holds.", "machine");
    private static final Metric INDEX = Metric.gauge("backhaul.target.index", "bytes",
            "What the index takes in memory.", "machine");
    private static final Metric RECEIVED = Metric.counter("backhaul.target.journaled", "bytes",
            "Frames journaled since the start.", "machine");
    private static final Metric VIEWS = Metric.gauge("backhaul.target.views", "", "Views that are open.", "machine");
    private static final Metric WINDOW = Metric.gauge("backhaul.target.window", "seconds",
            "From the oldest recovery point to the newest.", "machine");

    private static final Metric DAMAGED = Metric.gauge("backhaul.target.damaged", "",
            "Stretches of stored files known not to be what was written.", "machine");
    private static final Metric SCRUBBED = Metric.gauge("backhaul.target.scrub.ended", "seconds",
            "When the last whole pass of reading back ended, since the epoch; 0 before the first one since the start.",
            "machine");
    private static final Metric SCRUB = Metric.gauge("backhaul.target.scrub.progress", "",
            "How much of the pass of reading back that is under way, or was last, has been read: 0 to 1.", "machine");

    private MasterTargetMetrics() {}

    static List<Metric> all() {
        return List.of(SEQUENCE, GENERATION, FIDELITY, JOURNAL, EXTENTS, INDEX, RECEIVED, VIEWS, WINDOW, DAMAGED,
                SCRUBBED, SCRUB);
    }

    /** Shows a machine; {@code latest} gives a status of lately, to any thread. */
    static void show(Metrics metrics, String machine, Supplier<MachineStatus> latest) {
        position(metrics, machine, latest, "received", Positions::received);
        position(metrics, machine, latest, "journaled", Positions::journaled);
        position(metrics, machine, latest, "applied", Positions::applied);
        one(metrics, machine, latest, FIDELITY, status -> status.fidelity().code());
        one(metrics, machine, latest, JOURNAL, status -> status.store().journalBytes());
        one(metrics, machine, latest, EXTENTS, status -> status.store().extents());
        one(metrics, machine, latest, INDEX, status -> status.store().indexBytes());
        one(metrics, machine, latest, RECEIVED, status -> status.store().receivedBytes());
        one(metrics, machine, latest, VIEWS, status -> status.views().size());
        one(metrics, machine, latest, WINDOW, status -> windowSeconds(status.points()));
        one(metrics, machine, latest, DAMAGED, status -> status.scrub().damaged().size());
        one(metrics, machine, latest, SCRUBBED, status -> status.scrub().endedMicros() / 1e6);
        one(metrics, machine, latest, SCRUB, status -> status.scrub().totalBytes() == 0 ? 0
                : Math.min(1, (double) status.scrub().doneBytes() / status.scrub().totalBytes()));
    }

    private static double windowSeconds(RecoveryPoints points) {
        return points.intervals().isEmpty() ? 0
                : (points.intervals().getLast().toMicros() - points.intervals().getFirst().fromMicros()) / 1e6;
    }

    private static void one(Metrics metrics, String machine, Supplier<MachineStatus> latest, Metric metric,
            ToDoubleFunction<MachineStatus> value) {
        metrics.show(metric, () -> value.applyAsDouble(latest.get()), machine);
    }

    private static void position(Metrics metrics, String machine, Supplier<MachineStatus> latest, String name,
            Function<Positions, Position> which) {
        metrics.show(SEQUENCE, () -> which.apply(latest.get().positions()).sequence(), machine, name);
        metrics.show(GENERATION, () -> which.apply(latest.get().positions()).generation(), machine, name);
    }
}

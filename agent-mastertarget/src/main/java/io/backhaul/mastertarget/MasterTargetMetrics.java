package io.backhaul.mastertarget;

import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import java.util.List;
import java.util.function.BooleanSupplier;
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

    private static final Metric WINDOW_ASKED = Metric.gauge("backhaul.target.window.asked", "seconds",
            "How far back points are to reach: retention.time.", "machine");
    private static final Metric WINDOW_SHORT = Metric.gauge("backhaul.target.window.short", "",
            "1 while points reach less far back than that though there were older ones; else 0.", "machine");
    private static final Metric OLD_CONTENT = Metric.gauge("backhaul.target.undo", "bytes",
            "What the saved old content of the machine's base disks takes on the retention volume.", "machine");
    private static final Metric TOTAL = Metric.gauge("backhaul.target.space.total", "bytes",
            "What a retention volume (kind volume) or datastore (kind datastore) can hold.", "kind", "name");
    private static final Metric FREE = Metric.gauge("backhaul.target.space.free", "bytes",
            "What can still be written there.", "kind", "name");
    private static final Metric USED = Metric.gauge("backhaul.target.space.used", "bytes",
            "What machines take there: journals and old content, or base disks.", "kind", "name");
    private static final Metric PROMISED = Metric.gauge("backhaul.target.space.promised", "bytes",
            "What machines may take there beyond that: up to retention.bytes, or up to the size of thin disks.", "kind",
            "name");
    private static final Metric LEVEL = Metric.gauge("backhaul.target.space.level", "",
            "0: room enough, 1: less than space.warn is free, 2: less than space.alarm.", "kind", "name");

    private static final Metric DAMAGED = Metric.gauge("backhaul.target.damaged", "",
            "Stretches of stored files known not to be what was written.", "machine");
    private static final Metric SCRUBBED = Metric.gauge("backhaul.target.scrub.ended", "seconds",
            "When the last whole pass of reading back ended, since the epoch; 0 before the first one since the start.",
            "machine");
    private static final Metric SCRUB = Metric.gauge("backhaul.target.scrub.progress", "",
            "How much of the pass of reading back that is under way, or was last, has been read: 0 to 1.", "machine");

    private MasterTargetMetrics() {}

    static List<Metric> all() {
        return List.of(SEQUENCE, GENERATION, FIDELITY, JOURNAL, EXTENTS, INDEX, RECEIVED, VIEWS, WINDOW,
                WINDOW_ASKED, WINDOW_SHORT, OLD_CONTENT, DAMAGED, SCRUBBED, SCRUB, TOTAL, FREE, USED, PROMISED, LEVEL);
    }

    /** Shows a machine; {@code latest} gives a status of lately, to any thread. */
    static void show(Metrics metrics, String machine, Supplier<MachineStatus> latest, BooleanSupplier isWindowShort) {
        metrics.show(WINDOW_SHORT, () -> isWindowShort.getAsBoolean() ? 1 : 0, machine);
        one(metrics, machine, latest, WINDOW_ASKED, status -> status.window().askedMicros() / 1e6);
        one(metrics, machine, latest, OLD_CONTENT, status -> status.store().oldContentBytes());
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

    /** Shows what volumes and datastores were last seen to hold. */
    static void show(Metrics metrics, SpaceWatch space) {
        space.latest().volumes()
                .forEach(each -> show(metrics, "volume", each.name(), () -> space.latest().volumes()));
        space.latest().datastores()
                .forEach(each -> show(metrics, "datastore", each.name(), () -> space.latest().datastores()));
    }

    private static void show(Metrics metrics, String kind, String name, Supplier<List<Usage>> latest) {
        place(metrics, TOTAL, kind, name, latest, usage -> usage.room().totalBytes());
        place(metrics, FREE, kind, name, latest, usage -> usage.room().freeBytes());
        place(metrics, USED, kind, name, latest, Usage::usedBytes);
        place(metrics, PROMISED, kind, name, latest, Usage::promisedBytes);
        place(metrics, LEVEL, kind, name, latest, usage -> usage.level().code());
    }

    private static void place(Metrics metrics, Metric metric, String kind, String name, Supplier<List<Usage>> latest,
            ToDoubleFunction<Usage> value) {
        metrics.show(metric, () -> latest.get().stream().filter(each -> each.name().equals(name))
                .mapToDouble(value).findFirst().orElse(0), kind, name);
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

package io.backhaul.processserver;

import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToDoubleFunction;

/** What a process server counts; read from the statuses that are taken once a second. */
final class ProcessServerMetrics {
    private static final String MICROS = "seconds";
    private static final Metric MACHINES = Metric.gauge("backhaul.relay.machines", "",
            "Machines that have a spool here or have come.");
    private static final Metric SPOOL = Metric.gauge("backhaul.spool.size", "bytes", "What all spools take on disk.");
    private static final Metric MEMORY = Metric.gauge("backhaul.relay.memory", "bytes",
            "What the frames of all machines take in memory.");

    /** A metric of each machine and where its value is found. */
    private record PerMachine(Metric metric, ToDoubleFunction<MachineStatus> value) {}

    private static final List<PerMachine> PER_MACHINE = List.of(
            new PerMachine(
                    Metric.gauge("backhaul.machine.received", "records", "Last sequence received from the source.",
                            "machine"),
                    status -> status.positions().received().sequence()),
            new PerMachine(
                    Metric.gauge("backhaul.machine.spooled", "records", "Last sequence that is durable in the spool.",
                            "machine"),
                    status -> status.positions().spooled().sequence()),
            new PerMachine(
                    Metric.gauge("backhaul.machine.forwarded", "records", "Last sequence sent to the master target.",
                            "machine"),
                    status -> status.positions().forwarded().sequence()),
            new PerMachine(
                    Metric.gauge("backhaul.machine.journaled", "records",
                            "Last sequence journaled by the master target.",
                            "machine"),
                    status -> status.positions().journaled().sequence()),
            new PerMachine(
                    Metric.gauge("backhaul.machine.generation", "", "Generation of the last position received.",
                            "machine"),
                    status -> status.positions().received().generation()),
            new PerMachine(
                    Metric.gauge("backhaul.machine.spool.size", "bytes", "What the machine's spool takes on disk.",
                            "machine"),
                    MachineStatus::spoolBytes),
            new PerMachine(
                    Metric.gauge("backhaul.machine.lag", "bytes", "What was received and is not journaled yet.",
                            "machine"),
                    MachineStatus::lagBytes),
            new PerMachine(
                    Metric.gauge("backhaul.machine.lag.age", MICROS, "How old the oldest of it is.", "machine"),
                    status -> status.lagMicros() / 1e6),
            new PerMachine(Metric.gauge("backhaul.machine.memory", "bytes", "What the machine's frames take in memory.",
                    "machine"), MachineStatus::memoryBytes),
            new PerMachine(
                    Metric.counter("backhaul.machine.received.bytes", "bytes", "Stream frames received.", "machine"),
                    MachineStatus::receivedBytes),
            new PerMachine(
                    Metric.counter("backhaul.machine.forwarded.bytes", "bytes", "Stream frames forwarded.", "machine"),
                    MachineStatus::forwardedBytes),
            new PerMachine(
                    Metric.gauge("backhaul.machine.linked", "", "1 while the source is connected, else 0.", "machine"),
                    status -> status.sourceLinked() ? 1 : 0));

    private final Metrics metrics;
    private final Map<UUID, MachineStatus> latest = new ConcurrentHashMap<>();
    private final Set<UUID> shown = new HashSet<>();

    ProcessServerMetrics(Metrics metrics, Relay relay) {
        this.metrics = metrics;
        metrics.show(MACHINES, latest::size);
        metrics.show(SPOOL, relay::spoolBytes);
        metrics.show(MEMORY, relay::memoryBytes);
    }

    /** Takes new values; by one thread. */
    void update(List<MachineStatus> statuses) {
        for (MachineStatus status : statuses) {
            UUID machine = status.machine();
            latest.put(machine, status);
            if (shown.add(machine)) {
                for (PerMachine each : PER_MACHINE) {
                    metrics.show(each.metric(), () -> value(machine, each), machine.toString());
                }
            }
        }
    }

    private double value(UUID machine, PerMachine each) {
        MachineStatus status = latest.get(machine);
        return status == null ? Double.NaN : each.value().applyAsDouble(status);
    }

    /** For the reference page. */
    static List<Metric> all() {
        return java.util.stream.Stream
                .concat(List.of(MACHINES, SPOOL, MEMORY).stream(), PER_MACHINE.stream().map(PerMachine::metric))
                .toList();
    }
}

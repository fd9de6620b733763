package io.backhaul.processserver;

import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.Reception;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The process server on ports: takes sources in, finds each machine's target, and has a {@link MachineRelay} for each
 * machine that has a spool or a source. Owned by the reception's loop, on which {@link #welcome} comes; status may be
 * asked from any thread.
 */
public final class Relay implements Reception.Host {
    private static final Logger LOG = LoggerFactory.getLogger(Relay.class);
    private static final long RATES_NANOS = 1_000_000_000L;

    /**
     * What a relay stands on.
     *
     * @param loop
     *            the reception's
     * @param loops
     *            gives each machine its loop
     * @param lanes
     *            gives each machine its lanes, by name
     * @param spool
     *            where the spools lie
     */
    public record Ports(Loop loop, Supplier<? extends Loop> loops, Function<String, Lane> lanes, Volume spool,
            Dialler dialler, RandomGenerator random, ByteBufAllocator allocator, FaultLog faults) {}

    /** Finds the address of a machine's master target; null where none is responsible. */
    @FunctionalInterface
    public interface Targets {
        @Nullable
        String of(UUID machine);
    }

    private final Ports ports;
    private final RelayLimits limits;
    private final Targets targets;
    private final MachineRelay.Commons commons;
    private final Map<UUID, MachineRelay> machines = new ConcurrentHashMap<>();
    private boolean closed;
    private boolean lookingAtRates;

    public Relay(Ports ports, RelayLimits limits, Targets targets) {
        this.ports = ports;
        this.limits = limits;
        this.targets = targets;
        this.commons = new MachineRelay.Commons(limits, new SpoolFolder(ports.spool()), new SpoolBudget(limits),
                new FrameMemory(limits.memoryBytes()),
                new RateLimits(ports.loop().clock(), ZoneId.systemDefault()));
    }

    /** Takes up all machines that have a spool: what they left undelivered goes on its way. */
    public CompletableFuture<Integer> resume() {
        CompletableFuture<Integer> resumed = new CompletableFuture<>();
        ports.lanes().apply("folder").submit(commons.folder()::machines, ports.loop(), new Lane.Outcome<List<UUID>>() {
            @Override
            public void done(List<UUID> found) {
                for (UUID machine : found) {
                    if (machine(machine) == null) {
                        ports.faults().report(FaultCode.UNKNOWN_MACHINE, machine.toString(),
                                "has a spool in " + commons.folder().describe() + " but no target");
                    }
                }
                resumed.complete(found.size());
            }

            @Override
            public void failed(IOException cause) {
                resumed.completeExceptionally(cause);
            }
        });
        return resumed;
    }

    private @Nullable MachineRelay machine(UUID machine) {
        MachineRelay there = machines.get(machine);
        String target = targets.of(machine);
        if (there != null || target == null || closed) {
            return there;
        }
        LOG.debug("{} goes to {}", machine, target);
        MachineRelay made = new MachineRelay(machine, target,
                new MachineRelay.Ports(ports.loops().get(), ports.lanes().apply("spool " + machine),
                        ports.lanes().apply("read " + machine), ports.dialler(), ports.random(), ports.allocator(),
                        ports.faults()),
                commons);
        machines.put(machine, made);
        made.open();
        return made;
    }

    @Override
    public void welcome(Link link, Hello hello) {
        if (link.peer().role() != Role.SOURCE || !link.peer().id().equals(hello.machine())) {
            refuse(link, hello, FaultCode.NOT_AUTHORISED, link.peer() + " may not feed machine " + hello.machine());
            return;
        }
        MachineRelay machine = machine(hello.machine());
        if (machine == null) {
            refuse(link, hello, FaultCode.UNKNOWN_MACHINE, "no target in the configuration is for " + hello.machine());
            return;
        }
        if (commons.memory().isSpent()) {
            refuse(link, hello, FaultCode.BUSY,
                    "all " + limits.memoryBytes() + " bytes of memory for frames are taken");
            return;
        }
        machine.welcome(link, hello);
    }

    private void refuse(Link link, Hello hello, FaultCode code, String text) {
        ports.faults().report(code, link.peer().toString(), text);
        link.send(new Refusal(hello.machine(), code, text).frame(ports.allocator()));
        link.close();
    }

    /** How all machines stand. From any thread. */
    public CompletableFuture<List<MachineStatus>> status() {
        List<CompletableFuture<MachineStatus>> asked = machines.values().stream().map(machine -> {
            CompletableFuture<MachineStatus> answer = new CompletableFuture<>();
            machine.loop().execute(() -> answer.complete(machine.status()));
            return answer;
        }).toList();
        return CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new))
                .thenApply(all -> asked.stream().map(CompletableFuture::join).toList());
    }

    /**
     * Why a process server may not be taken away yet, by how its machines stand: one sentence; empty where it may.
     */
    public static Optional<String> objection(List<MachineStatus> machines) {
        List<String> undelivered = machines.stream().filter(machine -> !machine.delivered())
                .map(machine -> machine.machine() + " (" + machine.lagBytes() + " bytes)").toList();
        if (!undelivered.isEmpty()) {
            return Optional.of("not everything is delivered: " + String.join(", ", undelivered)
                    + "; keep this process server running until its master targets have journaled all of it");
        }
        List<String> linked = machines.stream().filter(MachineStatus::sourceLinked)
                .map(machine -> machine.machine().toString()).toList();
        return linked.isEmpty()
                ? Optional.empty()
                : Optional.of("sources are still connected: " + String.join(", ", linked)
                        + "; give them another process server first");
    }

    /** Bytes that all spools take; from any thread. */
    public long spoolBytes() {
        return commons.budget().usedBytes();
    }

    /** From now on frames go to master targets by these rules. On the loop. */
    public void limit(List<RateRule> rules) {
        commons.rates().set(rules);
        if (!lookingAtRates) {
            lookAtRates();
        }
    }

    private void lookAtRates() {
        lookingAtRates = !closed && !commons.rates().isEmpty();
        if (lookingAtRates) {
            commons.rates().look();
            ports.loop().schedule(RATES_NANOS, this::lookAtRates);
        }
    }

    /** How fast all may go together; {@link Throttle#UNBOUNDED} where nothing limits them. From any thread. */
    long limitBytesPerSecond() {
        return commons.rates().bytesPerSecond();
    }

    /** So many bytes are free where the spools lie. From any thread. */
    void volumeHas(long freeBytes) {
        commons.budget().volumeHas(freeBytes);
    }

    /** What the frames of all machines take in memory; from any thread. */
    public long memoryBytes() {
        return commons.memory().takenBytes();
    }

    /** Ends all links and begins to close all spools; the lanes finish what they have. From any thread. */
    public CompletableFuture<Void> close() {
        CompletableFuture<Void> done = new CompletableFuture<>();
        ports.loop().execute(() -> {
            closed = true;
            CompletableFuture<?>[] each = machines.values().stream()
                    .map(machine -> CompletableFuture.runAsync(machine::close, machine.loop()))
                    .toArray(CompletableFuture[]::new);
            var _ = CompletableFuture.allOf(each).thenRun(() -> done.complete(null));
        });
        return done;
    }
}

package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.LanePool;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.stream.Reception;
import io.backhaul.mastertarget.MasterTargetSettings.Accept;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The machines of a daemon: those found on the retention volumes at start, and those whose streams come. Safe for any
 * thread.
 */
final class MachineHost implements Reception.Host, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MachineHost.class);
    private static final long STATUS_NANOS = 1_000_000_000L;
    private static final long LOOK_NANOS = 5_000_000_000L;
    private static final long CLOSE_SECONDS = 30;

    /** What machines are made with. */
    record Means(Settings settings, StorageSettings places, NettyLoops loops, LanePool lanes, RandomGenerator random,
            FaultLog faults,
            Metrics metrics) {}

    /** A machine, the loop it is owned by, where it lies, and what it said of itself lately. */
    static final class Hosted {
        private final Loop loop;
        private final MasterTargetMachine machine;
        private final RetentionVolume volume;
        private final WindowWatch window;
        private volatile MachineStatus latest;
        private volatile boolean closed;

        Hosted(Loop loop, MasterTargetMachine machine, RetentionVolume volume, FaultLog faults) {
            this.loop = loop;
            this.machine = machine;
            this.volume = volume;
            this.window = new WindowWatch(machine.machine(), faults);
            this.latest = machine.status();
        }

        Loop loop() {
            return loop;
        }

        MasterTargetMachine machine() {
            return machine;
        }

        RetentionVolume volume() {
            return volume;
        }

        boolean isWindowShort() {
            return window.isShort();
        }

        private void begin() {
            machine.begin();
            refresh();
        }

        private void refresh() {
            latest = machine.status();
            window.look(latest);
            if (!closed) {
                loop.schedule(STATUS_NANOS, this::refresh);
            }
        }
    }

    private final Means means;
    private final Storage storage;
    private final SpaceWatch space;
    private final Loop spaceLoop;
    private final Lane spaceLane;
    private final Set<UUID> processServers;
    private final Map<UUID, Hosted> machines = new ConcurrentSkipListMap<>();
    private volatile boolean closed;

    MachineHost(Means means) throws IOException {
        this.means = means;
        this.storage = Storage.open(means.settings(), means.places());
        this.space = new SpaceWatch(storage, means.places().levels(), means.faults(), Room::of);
        this.spaceLoop = means.loops().next();
        this.spaceLane = means.lanes().lane("space");
        this.processServers = Set.copyOf(means.settings().get(MasterTargetSettings.PROCESS_SERVERS));
        space.look(List.of());
        MasterTargetMetrics.show(means.metrics(), space);
        for (UUID id : storage.volumes().machines()) {
            add(id);
        }
        spaceLoop.execute(this::lookForSpace);
    }

    private void lookForSpace() {
        spaceLane.submit(() -> space.look(all().stream().map(each -> each.latest).toList()), spaceLoop,
                new Lane.Outcome<SpaceWatch.Seen>() {
                    @Override
                    public void done(SpaceWatch.Seen seen) {
                        lookAgain();
                    }

                    @Override
                    public void failed(IOException cause) {
                        lookAgain();
                    }
                });
    }

    private void lookAgain() {
        if (!closed) {
            spaceLoop.schedule(LOOK_NANOS, this::lookForSpace);
        }
    }

    private Hosted add(UUID id) throws IOException {
        String assigned = MasterTargetSettings.machine(means.settings(), id)
                .flatMap(each -> each.find(StorageSettings.MACHINE_VOLUME)).orElse("");
        RetentionVolume volume = storage.volumes().place(id, assigned, this::room);
        if (!assigned.isEmpty() && !assigned.equals(volume.name())) {
            LOG.warn(
                    "machine {} lies on retention volume {}, and stays there though it is assigned to {}: to move it, stop"
                            + " the master target and move {}",
                    id, volume.name(), assigned, volume.machine(id));
        }
        Loop loop = means.loops().next();
        LanePool pool = means.lanes();
        var lanes = new MasterTargetMachine.Lanes(pool.lane("store of " + id), pool.lane("fold of " + id),
                pool.lane("view of " + id), pool.lane("digest of " + id), pool.lane("index of " + id),
                pool.lane("scrub of " + id));
        var ports = new MasterTargetMachine.Ports(loop, lanes, DirectoryVolume.create(volume.machine(id)),
                storage.datastores(), means.random(), ByteBufAllocator.DEFAULT, means.faults());
        Hosted hosted = new Hosted(loop,
                new MasterTargetMachine(id, ports, MasterTargetSettings.setup(means.settings(), id)), volume,
                means.faults());
        machines.put(id, hosted);
        MasterTargetMetrics.show(means.metrics(), id.toString(), () -> hosted.latest, hosted::isWindowShort);
        loop.execute(hosted::begin);
        return hosted;
    }

    /** What of a volume is neither taken nor promised, with those that have come since it was looked at. */
    private long room(RetentionVolume volume) {
        long free = space.latest().volumes().stream().filter(each -> each.name().equals(volume.name()))
                .mapToLong(each -> each.room().freeBytes()).sum();
        return free - machines.values().stream().filter(each -> each.volume.equals(volume))
                .mapToLong(each -> each.latest.promisedBytes()).reduce(0, SpaceWatch::added);
    }

    Storage storage() {
        return storage;
    }

    SpaceWatch space() {
        return space;
    }

    List<Hosted> all() {
        return new ArrayList<>(machines.values());
    }

    Optional<Hosted> find(UUID id) {
        return Optional.ofNullable(machines.get(id));
    }

    @Override
    public synchronized void welcome(Link link, Hello hello) {
        UUID id = hello.machine();
        if (link.peer().role() != Role.PROCESS_SERVER
                || (!processServers.isEmpty() && !processServers.contains(link.peer().id()))) {
            refuse(link,
                    new Refusal(id, FaultCode.NOT_AUTHORISED, link.peer() + " may not send to this master target"));
            return;
        }
        boolean listed = MasterTargetSettings.machine(means.settings(), id).isPresent();
        if (!listed && means.settings().get(MasterTargetSettings.ACCEPT) == Accept.LISTED) {
            refuse(link, new Refusal(id, FaultCode.UNKNOWN_MACHINE, "machine " + id + " is not listed here"));
            return;
        }
        try {
            Hosted known = machines.get(id);
            (known == null ? add(id) : known).machine.welcome(link, hello);
        } catch (IOException failed) {
            refuse(link, new Refusal(id, FaultCode.STORE_FAILED, String.valueOf(failed.getMessage())));
        }
    }

    private void refuse(Link link, Refusal refusal) {
        means.faults().report(refusal.fault(), link.peer().toString(), refusal.text());
        link.send(refusal.frame(ByteBufAllocator.DEFAULT));
        link.close();
    }

    /** Ends all machines and waits for them. */
    @Override
    public void close() {
        closed = true;
        List<Hosted> all = all();
        CountDownLatch left = new CountDownLatch(all.size());
        for (Hosted each : all) {
            each.loop.execute(() -> {
                each.closed = true;
                each.machine.close(left::countDown);
            });
        }
        try {
            if (!left.await(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("not all machines have ended; what they hold is recovered at the next start");
            }
        } catch (InterruptedException hurry) {
            Thread.currentThread().interrupt();
        }
    }
}

package io.backhaul.processserver;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.log.CrashVolume;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.MemoryLink;
import io.backhaul.engine.stream.Reception;
import io.backhaul.engine.stream.TestLoop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** A source, a relay and a target in virtual time, with links that can be cut and a relay that can be killed. */
final class RelayWorld {
    static final HopTiming TIMING = HopTiming.DEFAULT;
    static final UUID MACHINE = new UUID(3, 4);
    private static final long DELAY_NANOS = 200_000;
    private static final long WORK_NANOS = 300_000;

    final TestLoop loop = new TestLoop();
    final Random random;
    final RelayLimits limits;
    CrashVolume volume = new CrashVolume("spool");
    final TestTarget target = new TestTarget(loop, MACHINE);
    final TestSource source;
    final List<MemoryLink> upstream = new ArrayList<>();
    final List<MemoryLink> towardsSource = new ArrayList<>();
    final List<MemoryLink> downstream = new ArrayList<>();
    FaultLog faults = new FaultLog(loop);
    Relay relay;
    private Reception reception;
    private RelayLoop relayLoop;
    private List<TestLane> lanes = new ArrayList<>();
    boolean relayDown;
    boolean targetUnreachable;
    Identity sourceIdentity = new Identity(Role.SOURCE, MACHINE);

    RelayWorld(long seed) {
        this(seed, new RelayLimits(16 << 20, 64 << 20, 1 << 30, 1 << 30, 64 << 10, TIMING));
    }

    RelayWorld(long seed, RelayLimits limits) {
        this.random = new Random(seed);
        this.limits = limits;
        this.relayLoop = new RelayLoop(loop);
        this.relay = relay();
        this.reception = reception();
        begin(relay.resume());
        this.source = new TestSource(loop, this::dialRelay, MACHINE, seed);
    }

    private static void begin(java.util.concurrent.Future<?> resumed) {
        assertThat(resumed).isNotNull();
    }

    /** The loop of one life of the relay: what it scheduled does not happen once it has been killed. */
    private static final class RelayLoop implements Loop {
        private final TestLoop loop;
        private boolean dead;

        RelayLoop(TestLoop loop) {
            this.loop = loop;
        }

        @Override
        public void execute(Runnable task) {
            schedule(0, task);
        }

        @Override
        public Timer schedule(long delayNanos, Runnable task) {
            return loop.schedule(delayNanos, () -> {
                if (!dead) {
                    task.run();
                }
            });
        }

        @Override
        public boolean isCurrent() {
            return true;
        }

        @Override
        public io.backhaul.engine.time.Clock clock() {
            return loop;
        }
    }

    private Relay relay() {
        RelayLoop own = relayLoop;
        return new Relay(new Relay.Ports(own, () -> own, this::lane, volume, this::dialTarget, random,
                ByteBufAllocator.DEFAULT, faults), limits, machine -> "target:9443");
    }

    private Reception reception() {
        return new Reception(new Reception.Ports(relayLoop, ByteBufAllocator.DEFAULT, TIMING, 16, faults), relay);
    }

    private Lane lane(String name) {
        TestLane lane = new TestLane(loop, WORK_NANOS);
        lanes.add(lane);
        return lane;
    }

    /** Holds back all work on disks. */
    void holdLanes(boolean hold) {
        lanes.forEach(lane -> lane.hold(hold));
    }

    void dialRelay(String address, Role role, Loop on, Dialler.Outcome outcome) {
        if (relayDown) {
            on.schedule(DELAY_NANOS, () -> outcome.failed(FaultCode.UNREACHABLE, "the relay is down"));
            return;
        }
        on.schedule(DELAY_NANOS, () -> {
            List<MemoryLink> ends = MemoryLink.pair(loop, sourceIdentity,
                    new Identity(Role.PROCESS_SERVER, new UUID(9, 9)), DELAY_NANOS);
            upstream.add(ends.getFirst());
            towardsSource.add(ends.getLast());
            reception.accepted(ends.getLast());
            outcome.connected(ends.getFirst());
        });
    }

    private void dialTarget(String address, Role role, Loop on, Dialler.Outcome outcome) {
        if (targetUnreachable) {
            on.schedule(DELAY_NANOS, () -> outcome.failed(FaultCode.UNREACHABLE, "the target is down"));
            return;
        }
        on.schedule(DELAY_NANOS, () -> {
            List<MemoryLink> ends = MemoryLink.pair(loop, new Identity(Role.PROCESS_SERVER, new UUID(9, 9)),
                    new Identity(Role.MASTER_TARGET, new UUID(8, 8)), DELAY_NANOS);
            downstream.add(ends.getFirst());
            Reception gate = new Reception(
                    new Reception.Ports(loop, ByteBufAllocator.DEFAULT, TIMING, 16, new FaultLog(loop)),
                    (Link link, io.backhaul.protocol.Hello hello) -> target.welcome(link, hello));
            gate.accepted(ends.getLast());
            outcome.connected(ends.getFirst());
        });
    }

    void cutUpstream() {
        upstream.forEach(MemoryLink::cut);
        upstream.clear();
    }

    void cutDownstream() {
        downstream.forEach(MemoryLink::cut);
        downstream.clear();
    }

    /** The relay's process is killed; with the power, or without. */
    void kill(boolean power) {
        relayLoop.dead = true;
        lanes.forEach(TestLane::die);
        lanes = new ArrayList<>();
        cutUpstream();
        cutDownstream();
        if (power) {
            volume.crash(random);
        } else {
            volume.kill();
        }
        relayDown = true;
    }

    /** The relay's process is started. */
    void start() {
        relayDown = false;
        relayLoop = new RelayLoop(loop);
        faults = new FaultLog(loop);
        relay = relay();
        reception = reception();
        begin(relay.resume());
    }

    CrashVolume spool() {
        return volume.folder(MACHINE.toString());
    }

    /** Flips a bit of the header of the frame that begins at a position. */
    void damageSpool(Position first) {
        ByteBuffer sought = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(first.generation())
                .putLong(first.sequence());
        for (String name : spool().list("")) {
            byte[] bytes = spool().bytes(name);
            for (int at = 4096; at < bytes.length - 16; at++) {
                if (Arrays.equals(bytes, at, at + 16, sought.array(), 0, 16)) {
                    bytes[at] ^= 1;
                    spool().put(name, bytes);
                    return;
                }
            }
        }
        throw new IllegalStateException("no frame begins at " + first);
    }

    MachineStatus status() {
        var asked = relay.status();
        loop.runFor(1);
        return asked.join().getFirst();
    }

    /** Runs until something is so, and not for longer than ten seconds. */
    void runUntil(BooleanSupplier so) {
        for (int i = 0; i < 10_000 && !so.getAsBoolean(); i++) {
            loop.runFor(1);
        }
        assertThat(so.getAsBoolean()).isTrue();
    }

    /** Runs until the source's last position is journaled, or a minute has passed. */
    void converge() {
        for (int i = 0; i < 600 && !target.journaled().equals(source.last()); i++) {
            loop.runFor(100);
        }
        assertThat(target.journaled()).as(() -> status() + ", source " + source.sender.status() + ", refused "
                + source.refusals + ", spool " + spool().list("")).isEqualTo(source.last());
    }

    /** Stops everything, so that no buffer is left. */
    @Nullable
    Void close() {
        source.close();
        var _ = relay.close();
        target.restart();
        loop.runFor(60_000);
        return null;
    }
}

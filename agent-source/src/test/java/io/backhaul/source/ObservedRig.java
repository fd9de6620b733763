package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.MemoryDevice;
import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.loop.Monitor;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.source.ebpf.EbpfCapture;
import io.backhaul.source.ebpf.MemoryRing;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A source whose capture observes: writes go into a ring that outlives the agent and, a little later, to the disks; whether an
 * agent runs or not. Each time a frame is journaled in an ORDERED interval, the replica must be what the disks were after some
 * number of writes, by the order of their submission, and never fewer than before.
 */
final class ObservedRig implements Downstream.Witness {
    private static final UUID MACHINE = new UUID(7, 43);

    /** A write in the order of submission. */
    private record Submitted(int disk, long offset, ByteBuffer data) {}

    final SplittableRandom random;
    final Steps steps;
    final Downstream downstream;
    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true, true);
    private final List<MemoryDevice> devices = new ArrayList<>();
    private final List<byte[]> oracle = new ArrayList<>();
    private final List<Submitted> submitted = new ArrayList<>();
    private final MemoryVolume volume = new MemoryVolume();
    private final Steps.Life kernel = new Steps.Life();
    private final SourceOptions options;
    private final int ringBytes;
    private MemoryRing ring;
    private Steps.Life life = new Steps.Life();
    private @Nullable SourceMachine machine;
    private int applied;
    private UUID bootId = new UUID(2, 1);
    int orderedFramesChecked;
    int resumed;
    int starts;

    ObservedRig(long seed, int ringBytes, long... sizes) {
        this.random = new SplittableRandom(seed);
        this.steps = new Steps(random.split());
        this.downstream = new Downstream(steps, MACHINE, allocator, random.split(), this);
        for (long size : sizes) {
            devices.add(new MemoryDevice(size));
            oracle.add(new byte[(int) size]);
        }
        this.ringBytes = ringBytes;
        this.ring = new MemoryRing(ringBytes);
        var buffering = new SourceOptions.Buffering(1 << 20, 64 << 10, Duration.ofMillis(2),
                SourceOptions.Release.SPOOLED);
        this.options = new SourceOptions(new SourceOptions.Machine(MACHINE, "rig"), buffering, Compression.AUTO,
                16 << 10, new SourceOptions.Route(List.of("a:1", "b:1"), HopTiming.DEFAULT));
    }

    SourceMachine machine() {
        if (machine == null) {
            throw new IllegalStateException("not started");
        }
        return machine;
    }

    boolean isRunning() {
        return machine != null;
    }

    void start() {
        life = new Steps.Life();
        List<SourceDisk> disks = new ArrayList<>();
        for (int i = 0; i < devices.size(); i++) {
            BlockDevice device = devices.get(i);
            disks.add(new SourceDisk(new DiskInfo(i, "disk-" + i, device.sizeBytes(), 512), "disk " + i, device,
                    () -> "writes " + submitted.size()));
        }
        var loop = steps.loop(life);
        var capture = new EbpfCapture(new EbpfCapture.Ports(loop, steps.lane(life), stepping()),
                ring.opened(() -> steps.until(ring::isQuiet, 1_000_000, "writes completed")));
        var lanes = new SourceMachine.Lanes(steps.lane(life), steps.lane(life), steps.lane(life));
        var host = new SourceMachine.Host(bootId, allocator, Lz4.compressor(), new FaultLog(steps.clock()));
        var ports = new SourceMachine.Ports(loop, lanes, downstream, volume, random.split(), host);
        starts++;
        if (capture.continuation() != null) {
            resumed++;
        }
        try {
            SourceMachine opened = SourceMachine.open(options, ports, disks, capture, false);
            machine = opened;
            loop.execute(opened::start);
        } catch (IOException wrong) {
            throw new AssertionError(wrong);
        }
    }

    /** Waiting means letting others go on: there is one thread only. */
    private Monitor stepping() {
        Steps.Life mine = life;
        return new Monitor() {
            @Override
            public void lock() {}

            @Override
            public void unlock() {}

            @Override
            public void await() {
                if (mine.dead || !steps.step()) {
                    throw new AssertionError("waits for ever");
                }
            }

            @Override
            public void signalAll() {}
        };
    }

    void kill() {
        life.dead = true;
        downstream.cut();
        try {
            machine().abandon();
        } catch (IOException wrong) {
            throw new AssertionError(wrong);
        }
        machine = null;
    }

    void stop() {
        boolean[] stopped = {false};
        machine().stop(new SourceMachine.Answer<>() {
            @Override
            public void done(Position result) {
                stopped[0] = true;
            }

            @Override
            public void failed(String why) {
                throw new AssertionError(why);
            }
        });
        steps.until(() -> stopped[0], 1_000_000, "a clean stop");
        life.dead = true;
        machine = null;
    }

    /** Somebody has removed every trace from the kernel; while no agent runs. */
    void detach() {
        steps.until(ring::isQuiet, 1_000_000, "writes completed");
        ring = new MemoryRing(ringBytes);
    }

    /** The machine was started anew: the ring is gone. */
    void reboot() {
        detach();
        bootId = new UUID(bootId.getMostSignificantBits(), bootId.getLeastSignificantBits() + 1);
    }

    void mark() {
        machine().mark(Mark.Kind.USER, "mark", false, new SourceMachine.Answer<>() {
            @Override
            public void done(Position result) {}

            @Override
            public void failed(String why) {}
        });
    }

    void writeSomewhere(int maxBytes) {
        int disk = random.nextInt(devices.size());
        byte[] data = new byte[(1 + random.nextInt(maxBytes / 512)) * 512];
        if (random.nextInt(4) > 0) {
            Arrays.fill(data, (byte) random.nextInt(256));
        }
        long sectors = (devices.get(disk).sizeBytes() - data.length) / 512;
        long offset = (random.nextBoolean() ? random.nextLong(Math.min(sectors, 64) + 1) : random.nextLong(sectors + 1))
                * 512;
        // Who writes to the same place twice waits in between.
        steps.until(() -> !ring.isUnderWay(disk, offset, data.length), 1_000_000, "an earlier write completed");
        for (int from = 0; from < data.length; from += MemoryRing.PIECE_BYTES) {
            int length = Math.min(MemoryRing.PIECE_BYTES, data.length - from);
            submitted.add(new Submitted(disk, offset + from, ByteBuffer.wrap(data).slice(from, length)));
        }
        MemoryRing on = ring;
        on.submit(disk, offset, ByteBuffer.wrap(data));
        steps.after(random.nextLong(3_000_000), kernel, () -> {
            try {
                devices.get(disk).write(offset, ByteBuffer.wrap(data));
            } catch (IOException impossible) {
                throw new AssertionError(impossible);
            }
            on.completed(disk, offset);
        });
    }

    @Override
    public void journaled(Position position, Fidelity fidelity, FrameType type) {
        if (fidelity != Fidelity.ORDERED) {
            return;
        }
        orderedFramesChecked++;
        while (!isOracle()) {
            assertThat(applied).as("the replica at %s (%s) is a state that the disks have had", position, type)
                    .isLessThan(submitted.size());
            Submitted next = submitted.get(applied++);
            next.data.get(0, oracle.get(next.disk), (int) next.offset, next.data.capacity());
        }
    }

    private boolean isOracle() {
        for (int i = 0; i < oracle.size(); i++) {
            if (!Arrays.equals(downstream.replica.get(i), oracle.get(i))) {
                return false;
            }
        }
        return true;
    }

    void converge() {
        downstream.reachable = true;
        downstream.resume();
        steps.until(ring::isQuiet, 1_000_000, "writes completed");
        boolean[] drained = {false};
        // A mark's barrier first, so that what was submitted is captured.
        steps.until(() -> machine().stream().isOrdered() && ring.isRead(), 3_000_000,
                "order: " + machine().status());
        machine().drain(new SourceMachine.Answer<>() {
            @Override
            public void done(Position position) {
                drained[0] = true;
            }

            @Override
            public void failed(String why) {
                throw new AssertionError(why);
            }
        });
        steps.until(() -> drained[0], 3_000_000, "convergence: " + machine().status());
        for (int i = 0; i < devices.size(); i++) {
            ByteBuffer now = ByteBuffer.allocate((int) devices.get(i).sizeBytes());
            try {
                devices.get(i).read(0, now);
            } catch (IOException impossible) {
                throw new AssertionError(impossible);
            }
            assertThat(Arrays.mismatch(downstream.replica.get(i), now.array()))
                    .as("first byte of disk %d that differs in the end", i).isEqualTo(-1);
        }
    }
}

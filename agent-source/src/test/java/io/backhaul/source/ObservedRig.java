package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.MemoryDevice;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.Monitor;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
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

/**
 * A source whose capture observes: writes go into a ring that outlives the agent and, a little later, to the disks; whether an
 * agent runs or not. Each time a frame is journaled in an ORDERED interval, the replica must be what the disks were after some
 * number of writes, by the order of their submission, and never fewer than before.
 */
final class ObservedRig implements Downstream.Witness {
    static final UUID MACHINE = new UUID(7, 43);

    /** A write in the order of submission. */
    private record Submitted(int disk, long offset, ByteBuffer data) {}

    final SplittableRandom random;
    final Steps steps;
    final Downstream downstream;
    private final List<MemoryDevice> devices = new ArrayList<>();
    private final List<byte[]> oracle = new ArrayList<>();
    private final List<Submitted> submitted = new ArrayList<>();
    private final RigAgent agent;
    private final Steps.Life kernel = new Steps.Life();
    private final SourceOptions options;
    private final int ringBytes;
    private MemoryRing ring;
    private int applied;
    /** The longest that a write is under way. */
    long slowestWriteNanos = 3_000_000;
    final RecordedProofs proofs = new RecordedProofs();
    /** What happens when what was submitted before has been completed. */
    Runnable onceSettled = () -> {};
    int orderedFramesChecked;
    int resumed;
    int starts;

    ObservedRig(long seed, int ringBytes, long... sizes) {
        this.random = new SplittableRandom(seed);
        this.steps = new Steps(random.split());
        var allocator = new UnpooledByteBufAllocator(true, true);
        this.downstream = new Downstream(steps, MACHINE, allocator, random.split(), this);
        this.agent = new RigAgent(steps, downstream, allocator, random.split());
        for (long size : sizes) {
            devices.add(new MemoryDevice(size));
            oracle.add(new byte[(int) size]);
        }
        this.ringBytes = ringBytes;
        this.ring = new MemoryRing(ringBytes);
        this.options = RigAgent.options(MACHINE, 1 << 20, 64 << 10, 16 << 10);
    }

    SourceMachine machine() {
        return agent.machine();
    }

    boolean isRunning() {
        return agent.isRunning();
    }

    void start() {
        agent.start(options, disks(), this::capture, true);
    }

    /** With a capture that stands in front of the disks, through which nobody writes. */
    void startInFront() {
        List<SourceDisk> disks = disks();
        agent.start(options, disks, (loop, life) -> new WriteThroughCapture(disks, WriteThroughCapture.OnFull.OVERFLOW,
                Duration.ZERO, stepping(life)), true);
    }

    private List<SourceDisk> disks() {
        List<SourceDisk> disks = new ArrayList<>();
        for (int i = 0; i < devices.size(); i++) {
            BlockDevice device = devices.get(i);
            disks.add(new SourceDisk(new DiskInfo(i, "disk-" + i, device.sizeBytes(), 512), "disk " + i, device,
                    () -> "writes " + submitted.size()));
        }
        return disks;
    }

    private EbpfCapture capture(Loop loop, Steps.Life life) {
        var capture = new EbpfCapture(new EbpfCapture.Ports(loop, steps.lane(life), stepping(life)),
                ring.opened(() -> {
                    steps.until(ring::isQuiet, 1_000_000, "writes completed");
                    onceSettled.run();
                }));
        starts++;
        if (capture.continuation() != null) {
            resumed++;
        }
        return capture;
    }

    /** Waiting means letting others go on: there is one thread only. */
    private Monitor stepping(Steps.Life mine) {
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
        agent.kill();
    }

    void stop() {
        agent.stop();
    }

    /** A disk fails a flush of somebody. */
    void failFlush() {
        ring.failFlush();
    }

    /** How often the agents have told of that. */
    long undurable() {
        return agent.faults.total(FaultCode.DISK_UNDURABLE);
    }

    /** How many writes the ring had no room for. */
    long losses() {
        return ring.losses();
    }

    /** Somebody has removed every trace from the kernel; while no agent runs. */
    void detach() {
        steps.until(ring::isQuiet, 1_000_000, "writes completed");
        ring = new MemoryRing(ringBytes);
    }

    /** The machine was started anew: the ring is gone. */
    void reboot() {
        detach();
        agent.reboot();
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
        steps.after(random.nextLong(slowestWriteNanos), kernel, () -> {
            try {
                devices.get(disk).write(offset, ByteBuffer.wrap(data));
            } catch (IOException impossible) {
                throw new AssertionError(impossible);
            }
            on.completed(disk, offset);
        });
    }

    /** Somebody writes what the disk refuses; while the stream is in no order, for the replica may hold it for a while. */
    void writeInVain(int disk, long offset, int lengthBytes) {
        steps.until(() -> !ring.isUnderWay(disk, offset, lengthBytes), 1_000_000, "an earlier write completed");
        byte[] data = new byte[lengthBytes];
        random.nextBytes(data);
        ring.submit(disk, offset, ByteBuffer.wrap(data));
        ring.refused(disk, offset, lengthBytes);
        // Whoever wants a mark has the agent take over what was lost.
        mark();
        steps.until(ring::isRead, 1_000_000, "the agent knows of it");
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
        if (type == FrameType.MARK) {
            proofs.journaled(position, oracle);
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
        // A mark's barrier first, so that what was submitted is captured.
        steps.until(() -> machine().stream().isOrdered() && ring.isRead(), 3_000_000,
                "order: " + machine().status());
        drain();
    }

    /** Waits until the replica holds what the disks hold. */
    void drain() {
        agent.drain(devices.stream().map(ObservedRig::content).toList());
    }

    /** Writes what is soon on the disk, and perhaps not in the stream yet. */
    void writeThrough(int maxBytes) {
        writeSomewhere(maxBytes);
        steps.until(ring::isQuiet, 1_000_000, "writes completed");
    }

    /** Whether every write is on its disk. */
    boolean isQuiet() {
        return ring.isQuiet();
    }

    private static byte[] content(MemoryDevice device) {
        ByteBuffer all = ByteBuffer.allocate((int) device.sizeBytes());
        try {
            device.read(0, all);
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
        return all.array();
    }
}

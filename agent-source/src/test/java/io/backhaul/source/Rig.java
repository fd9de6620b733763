package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Zeroes;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One source on fake ports, an oracle that knows what its disks held at every position, and a downstream. Each time a frame
 * is journaled in an ORDERED interval, the replica is compared with the oracle.
 */
final class Rig implements Downstream.Witness {
    static final UUID MACHINE = new UUID(7, 42);

    /** A write that has happened, and the last position that the stream had given when it was answered. */
    private record Done(Position position, int disk, long offset, ByteBuffer data) {}

    final SplittableRandom random;
    final Steps steps;
    final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true, true);
    final List<TroubledDevice> devices = new ArrayList<>();
    final Downstream downstream;
    private final List<byte[]> oracle = new ArrayList<>();
    private final Deque<Done> writes = new ArrayDeque<>();
    private SourceOptions options;
    private final RigAgent agent;
    private @Nullable WriteThroughCapture capture;
    private Position highest = Position.NONE;
    private boolean scanning;
    final List<String> history = new ArrayList<>();
    int orderedFramesChecked;
    final RecordedProofs proofs = new RecordedProofs();

    Rig(long seed, long... diskSizes) {
        this(seed, null, diskSizes);
    }

    /** Another machine of the same id; {@code shared} is the downstream of the first, where there is one. */
    Rig(long seed, @Nullable Downstream shared, long... diskSizes) {
        this.random = new SplittableRandom(seed);
        this.steps = shared == null ? new Steps(random.split()) : shared.steps();
        this.downstream = shared == null
                ? new Downstream(steps, MACHINE, allocator, random.split(), this)
                : shared;
        this.downstream.witness(this);
        this.agent = new RigAgent(steps, downstream, allocator, random.split());
        for (long size : diskSizes) {
            devices.add(new TroubledDevice(size));
            oracle.add(new byte[(int) size]);
        }
        this.options = RigAgent.options(MACHINE, 4 << 20, 128 << 10, 64 << 10);
    }

    void options(SourceOptions next) {
        options = next;
    }

    /** The agent sees no writes, from the next start on; or does. */
    void scan(boolean only) {
        scanning = only;
    }

    SourceOptions options() {
        return options;
    }

    SourceMachine machine() {
        return agent.machine();
    }

    boolean isRunning() {
        return agent.isRunning();
    }

    MemoryVolume volume() {
        return agent.volume;
    }

    FaultLog faults() {
        return agent.faults;
    }

    /** Starts the agent on what the disks and the state folder hold. */
    void start() {
        List<SourceDisk> disks = new ArrayList<>();
        for (int i = 0; i < devices.size(); i++) {
            TroubledDevice device = devices.get(i);
            disks.add(new SourceDisk(new DiskInfo(i, "disk-" + i, device.sizeBytes(), 512), "disk " + i, device,
                    device::fingerprint));
        }
        agent.start(options, disks, (loop, life) -> {
            capture = scanning ? null
                    : new WriteThroughCapture(disks, WriteThroughCapture.OnFull.OVERFLOW, Duration.ZERO);
            return capture == null ? new ScanCapture(disks) : capture;
        }, !scanning);
    }

    /** The agent dies at once; what it had in memory is gone. */
    void kill() {
        checkDirtyMap();
        highest = highest.max(machine().stream().captured());
        agent.kill();
    }

    /** Behind every position that was given so far: the write is in no record of a generation that has begun. */
    private Position afterAll() {
        return new Position(highest.generation(), Long.MAX_VALUE);
    }

    /** The agent is stopped in order. */
    void stop() {
        highest = highest.max(machine().stream().captured());
        agent.stop();
    }

    /** The system has been started anew. */
    void reboot() {
        agent.reboot();
    }

    BlockDevice disk(int index) {
        if (capture == null) {
            throw new IllegalStateException("not started");
        }
        return capture.device(index);
    }

    /** Writes through the capture; false where the agent died of it. */
    boolean write(int disk, long offset, byte[] data) {
        try {
            if (Zeroes.isZero(ByteBuffer.wrap(data)) && random.nextBoolean()) {
                disk(disk).zero(offset, data.length);
            } else {
                disk(disk).write(offset, ByteBuffer.wrap(data));
            }
            remember(disk, offset, data, true);
            return true;
        } catch (TroubledDevice.Killed killed) {
            remember(disk, offset, data, false);
            kill();
            return false;
        } catch (IOException refused) {
            byte[] now = devices.get(disk).content();
            remember(disk, offset, Arrays.copyOfRange(now, (int) offset, (int) offset + data.length), true);
            return true;
        }
    }

    /** Somebody else writes, while no agent runs. */
    void writeUnseen(int disk, long offset, byte[] data) {
        devices.get(disk).failWrite = false;
        try {
            devices.get(disk).write(offset, ByteBuffer.wrap(data));
            writes.add(new Done(afterAll(), disk, offset, ByteBuffer.wrap(data)));
            history.add("unseen write disk " + disk + " " + offset + "+" + data.length);
        } catch (IOException wrong) {
            throw new AssertionError(wrong);
        }
    }

    /** Somebody else writes past the capture: the replica is to have it when it is in order next. */
    void writePast(int disk, long offset, byte[] data) {
        writeUnseen(disk, offset, data);
        Done done = writes.removeLast();
        writes.addFirst(new Done(Position.NONE, disk, done.offset(), done.data()));
    }

    private void remember(int disk, long offset, byte[] data, boolean streamed) {
        Position captured = machine().stream().captured();
        highest = highest.max(captured);
        writes.add(new Done(streamed && captured.generation() > 0 ? captured : afterAll(), disk, offset,
                ByteBuffer.wrap(data.clone())));
        if (Boolean.getBoolean("source.trace")) {
            System.out.println("write at " + machine().stream().captured() + " disk " + disk + " " + offset);
        }
        history.add(
                "write at " + machine().stream().captured() + " disk " + disk + " " + offset + "+" + data.length + " ["
                        + data[0] + "] " + machine().stream().snapshot(devices.size()));
    }

    byte[] someData(int maxBytes) {
        byte[] data = new byte[(1 + random.nextInt(maxBytes / 512)) * 512];
        switch (random.nextInt(4)) {
            case 0 -> {
            }
            case 1 -> random.nextBytes(data);
            default -> Arrays.fill(data, (byte) random.nextInt(256));
        }
        return data;
    }

    long someOffset(int disk, int length) {
        long sectors = (devices.get(disk).sizeBytes() - length) / 512;
        return (random.nextInt(3) == 0 ? random.nextLong(Math.min(sectors, 512) + 1) : random.nextLong(sectors + 1))
                * 512;
    }

    boolean writeSomewhere(int maxBytes) {
        int disk = random.nextInt(devices.size());
        byte[] data = someData(maxBytes);
        return write(disk, someOffset(disk, data.length), data);
    }

    @Override
    public void journaled(Position position, Fidelity fidelity, FrameType type) {
        while (!writes.isEmpty() && position.isAtLeast(writes.getFirst().position())) {
            Done done = writes.removeFirst();
            done.data().get(0, oracle.get(done.disk()), (int) done.offset(), done.data().capacity());
        }
        if (type == FrameType.MARK) {
            proofs.journaled(position, oracle);
        }
        if (fidelity == Fidelity.ORDERED) {
            orderedFramesChecked++;
            for (int i = 0; i < oracle.size(); i++) {
                int differs = Arrays.mismatch(downstream.replica.get(i), oracle.get(i));
                if (differs >= 0) {
                    history.forEach(System.out::println);
                    System.out.println(
                            "replica " + downstream.replica.get(i)[differs] + " oracle " + oracle.get(i)[differs]
                                    + " device " + devices.get(i).content()[differs] + " waiting " + writes.size());
                }
                assertThat(differs).as("first byte of disk %d that differs at %s (%s)", i, position, type)
                        .isEqualTo(-1);
            }
        }
    }

    /** Whatever differs between disk and journaled replica is marked, or will be compared. */
    void checkDirtyMap() {
        if (downstream.amnesiac) {
            return;
        }
        SourceMachine current = machine();
        int granularity = current.granularityBytes();
        for (int disk = 0; disk < devices.size(); disk++) {
            byte[] ours = devices.get(disk).content();
            byte[] theirs = disk < downstream.replica.size() ? downstream.replica.get(disk) : new byte[ours.length];
            long compared = current.comparedBytes(disk);
            for (int from = 0; from < Math.min(ours.length, compared); from += granularity) {
                int to = Math.min(ours.length, from + granularity);
                if (!Arrays.equals(ours, from, to, theirs, from, to)) {
                    assertThat(current.isDirty(disk, from / granularity))
                            .as("block %d of disk %d is marked; %s", from / granularity, disk, current.status())
                            .isTrue();
                }
            }
        }
    }

    void checkLaw() {
        assertThat(machine().status().positions().areLawful()).as("%s", machine().status().positions()).isTrue();
    }

    /** Heals everything and waits until the replica is the source. */
    void converge() {
        downstream.reachable = true;
        downstream.resume();
        devices.forEach(device -> {
            device.failReads = 0;
            device.failWrite = false;
            device.killAfterWrite = false;
        });
        agent.drain(devices.stream().map(TroubledDevice::content).toList());
    }
}

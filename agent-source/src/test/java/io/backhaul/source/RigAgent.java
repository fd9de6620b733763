package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.protocol.Position;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** An agent on fake ports: it starts on what its folder holds, dies or is stopped, and starts again. */
final class RigAgent {
    private static final int TOO_MANY = 3_000_000;

    final MemoryVolume volume = new MemoryVolume();
    final FaultLog faults;
    private final Steps steps;
    private final Downstream downstream;
    private final UnpooledByteBufAllocator allocator;
    private final SplittableRandom random;
    private UUID bootId = new UUID(1, 1);
    private Steps.Life life = new Steps.Life();
    private @Nullable SourceMachine machine;

    RigAgent(Steps steps, Downstream downstream, UnpooledByteBufAllocator allocator, SplittableRandom random) {
        this.faults = new FaultLog(steps.clock());
        this.steps = steps;
        this.downstream = downstream;
        this.allocator = allocator;
        this.random = random;
    }

    /**
     * Options as a rig has them.
     *
     * @param chunkBytes
     *            of what is read and compared at once
     */
    static SourceOptions options(UUID machine, int bufferBytes, int batchBytes, int chunkBytes) {
        var buffering = new SourceOptions.Buffering(bufferBytes, batchBytes, Duration.ofMillis(2),
                SourceOptions.Release.SPOOLED);
        return new SourceOptions(new SourceOptions.Machine(machine, "rig"), buffering, Compression.AUTO, chunkBytes,
                SourceOptions.Comparison.DEFAULT,
                new SourceOptions.Route(List.of("a:1", "b:1"), HopTiming.DEFAULT));
    }

    /** What captures in one life of the agent. */
    interface Captures {
        Capture in(Loop loop, Steps.Life life) throws IOException;
    }

    void start(SourceOptions options, List<SourceDisk> disks, Captures captures, boolean tracking) {
        life = new Steps.Life();
        var loop = steps.loop(life);
        var lanes = new SourceMachine.Lanes(steps.lane(life), steps.lane(life), steps.lane(life));
        var host = new SourceMachine.Host(bootId, allocator, Lz4.compressor(), faults);
        var ports = new SourceMachine.Ports(loop, lanes, downstream, volume, random.split(), host);
        try {
            SourceMachine opened = SourceMachine.open(options, ports, disks, captures.in(loop, life), tracking);
            machine = opened;
            loop.execute(opened::start);
        } catch (IOException wrong) {
            throw new AssertionError(wrong);
        }
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

    /** It dies at once; what it had in memory is gone. */
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

    /** It is stopped in order. */
    void stop() {
        await("a clean stop", machine()::stop);
        life.dead = true;
        machine = null;
    }

    /** The system has been started anew. */
    void reboot() {
        bootId = new UUID(bootId.getMostSignificantBits(), bootId.getLeastSignificantBits() + 1);
    }

    /** Waits until the replica holds what the disks hold. */
    void drain(List<byte[]> disks) {
        SourceMachine current = machine();
        await("convergence", current::drain);
        for (int i = 0; i < disks.size(); i++) {
            assertThat(Arrays.mismatch(downstream.replica.get(i), disks.get(i)))
                    .as("first byte of disk %d that differs in the end", i).isEqualTo(-1);
        }
    }

    private void await(String what, Consumer<SourceMachine.Answer<Position>> request) {
        boolean[] answered = {false};
        request.accept(new SourceMachine.Answer<>() {
            @Override
            public void done(Position position) {
                answered[0] = true;
            }

            @Override
            public void failed(String why) {
                throw new AssertionError(what + ": " + why);
            }
        });
        steps.until(() -> answered[0], TOO_MANY, what + ": " + machine().status());
    }
}

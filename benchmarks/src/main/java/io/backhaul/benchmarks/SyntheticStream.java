package io.backhaul.benchmarks;

import io.backhaul.engine.codec.Lz4;
import io.backhaul.mastertarget.MasterTargetMachine;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameDecoder;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * A machine of one disk that writes 4 KiB at random, as a stream into a master target in the same process. Its writes shrink
 * to next to nothing, so that many of them need little room; the first eight bytes of each say where it belongs. Of one
 * thread.
 */
final class SyntheticStream {
    static final int WRITE_BYTES = 4096;
    private static final int WRITES_PER_FRAME = 16;
    private static final int SAMPLE = 1 << 18;
    private static final ByteBufAllocator ALLOCATOR = ByteBufAllocator.DEFAULT;

    private final UUID machine;
    private final StreamLink link;
    private final long sizeBytes;
    private final SplittableRandom random;
    private final long[] sample;
    private long written;
    private final WriteBatchBuilder.Compressor compressor = Lz4.compressor();
    private Position last = new Position(1, 1);

    SyntheticStream(UUID machine, long sizeBytes, long seed) {
        this.machine = machine;
        this.link = new StreamLink(machine);
        this.sizeBytes = sizeBytes;
        this.random = new SplittableRandom(seed);
        this.sample = new long[SAMPLE];
    }

    /** Connects, begins a generation, and orders it at once: the disk begins as the replica does. */
    void begin(MasterTargetMachine target, UUID replica) throws InterruptedException {
        link.connect(target);
        link.deliver(
                new GenerationStart(machine, 1, micros(), Position.NONE, Fidelity.BASELINE, new UUID(1, 1), "machine",
                        List.of(new DiskInfo(0, "serial", sizeBytes, 512))).frame(ALLOCATOR));
        last = last.plus(1);
        link.deliver(new FidelityChange(machine, last, micros(), Fidelity.ORDERED, replica).frame(ALLOCATOR));
    }

    /** Times are made up: a frame each millisecond. */
    private long micros() {
        return 1_800_000_000_000_000L + last.sequence() / WRITES_PER_FRAME * 1000;
    }

    /** Writes so often. */
    void write(long count) throws InterruptedException {
        ByteBuffer data = ByteBuffer.allocateDirect(WRITE_BYTES);
        for (long done = 0; done < count; done += WRITES_PER_FRAME) {
            WriteBatchBuilder batch = new WriteBatchBuilder(ALLOCATOR, WRITES_PER_FRAME * WRITE_BYTES);
            Position first = last.plus(1);
            for (int i = 0; i < WRITES_PER_FRAME; i++) {
                long offset = random.nextLong(sizeBytes / WRITE_BYTES) * WRITE_BYTES;
                note(offset);
                batch.data(0, offset, data.clear().putLong(0, offset));
            }
            last = last.plus(WRITES_PER_FRAME);
            link.deliver(
                    trimmed(batch.close(new WriteBatchBuilder.Heading(machine, first, micros(), false), compressor)));
        }
    }

    /** The frame in a buffer of its length, as it would come over a link: what it was made in had room for all of it. */
    static Frame trimmed(Frame frame) {
        ByteBuf exact = ALLOCATOR.directBuffer(frame.lengthBytes(), frame.lengthBytes());
        exact.writeBytes(frame.bytes(), frame.bytes().readerIndex(), frame.lengthBytes());
        frame.release();
        if (FrameDecoder.whole(exact) instanceof Decoded.Intact(Frame intact)) {
            return intact;
        }
        throw new IllegalStateException("a frame that was just made is damaged");
    }

    /** Waits until all is journaled. */
    void settle() throws InterruptedException {
        link.settle(last);
    }

    /** Every write has the same chance to be in the sample, however old it is. */
    private void note(long offset) {
        long slot = written < SAMPLE ? written : random.nextLong(written + 1);
        if (slot < SAMPLE) {
            sample[(int) slot] = offset;
        }
        written++;
    }

    /** Places that were written. */
    long[] sample() {
        return Arrays.copyOf(sample, (int) Math.min(written, SAMPLE));
    }
}

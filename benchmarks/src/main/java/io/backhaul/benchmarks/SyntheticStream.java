package io.backhaul.benchmarks;

import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.mastertarget.MasterTargetMachine;
import io.backhaul.protocol.Credit;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameDecoder;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A machine of one disk that writes 4 KiB at random, as a stream into a master target in the same process. Its writes shrink
 * to next to nothing, so that many of them need little room; the first eight bytes of each say where it belongs. Of one
 * thread; hears of the target on its loop.
 */
final class SyntheticStream implements Link {
    static final int WRITE_BYTES = 4096;
    private static final int WRITES_PER_FRAME = 16;
    private static final int SAMPLE = 1 << 18;
    private static final ByteBufAllocator ALLOCATOR = ByteBufAllocator.DEFAULT;

    private final UUID machine;
    private final long sizeBytes;
    private final SplittableRandom random;
    private final long[] sample;
    private long written;
    private final WriteBatchBuilder.Compressor compressor = Lz4.compressor();
    private @Nullable Loop loop;
    private @Nullable Listener listener;
    private boolean welcomed;
    private long credit;
    private long delivered;
    private Position last = new Position(1, 1);
    private Position journaled = Position.NONE;
    private @Nullable Refusal refused;

    SyntheticStream(UUID machine, long sizeBytes, long seed) {
        this.machine = machine;
        this.sizeBytes = sizeBytes;
        this.random = new SplittableRandom(seed);
        this.sample = new long[SAMPLE];
    }

    /** Connects, begins a generation, and orders it at once: the disk begins as the replica does. */
    void begin(MasterTargetMachine target, UUID replica) throws InterruptedException {
        target.welcome(this, new Hello(machine, 1, 1, 1, "benchmark"));
        deliver(new GenerationStart(machine, 1, micros(), Position.NONE, Fidelity.BASELINE, new UUID(1, 1), "machine",
                List.of(new DiskInfo(0, "serial", sizeBytes, 512))).frame(ALLOCATOR));
        last = last.plus(1);
        deliver(new FidelityChange(machine, last, micros(), Fidelity.ORDERED, replica).frame(ALLOCATOR));
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
            deliver(trimmed(batch.close(new WriteBatchBuilder.Heading(machine, first, micros(), false), compressor)));
        }
    }

    /** The frame in a buffer of its length, as it would come over a link: what it was made in had room for all of it. */
    private static Frame trimmed(Frame frame) {
        ByteBuf exact = ALLOCATOR.directBuffer(frame.lengthBytes(), frame.lengthBytes());
        exact.writeBytes(frame.bytes(), frame.bytes().readerIndex(), frame.lengthBytes());
        frame.release();
        if (FrameDecoder.whole(exact) instanceof Decoded.Intact(Frame intact)) {
            return intact;
        }
        throw new IllegalStateException("a frame that was just made is damaged");
    }

    /** Waits until all is journaled. */
    synchronized Position settle() throws InterruptedException {
        while (journaled.isBefore(last)) {
            wait();
        }
        return journaled;
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

    private void deliver(Frame frame) throws InterruptedException {
        Loop owner;
        Listener receiver;
        synchronized (this) {
            while (!welcomed || credit < frame.lengthBytes()) {
                if (refused != null) {
                    throw new IllegalStateException(refused.toString());
                }
                wait();
            }
            credit -= frame.lengthBytes();
            delivered += frame.lengthBytes();
            owner = loop;
            receiver = listener;
        }
        if (owner != null && receiver != null) {
            owner.execute(() -> receiver.frame(frame));
        }
    }

    @Override
    public Identity peer() {
        return new Identity(Role.PROCESS_SERVER, new UUID(9, 9));
    }

    @Override
    public String remoteAddress() {
        return "here";
    }

    @Override
    public synchronized void attach(Loop owner, Listener next) {
        loop = owner;
        listener = next;
    }

    @Override
    public synchronized void send(Frame frame) {
        try {
            switch (frame.type()) {
                case WELCOME -> {
                    credit = Welcome.read(frame).creditBytes();
                    welcomed = true;
                }
                case CREDIT -> credit += Credit.read(frame).bytes();
                case POSITIONS -> journaled = Positions.read(frame).journaled();
                case REFUSAL -> refused = Refusal.read(frame);
                default -> {
                    // heartbeats
                }
            }
        } catch (MalformedBodyException malformed) {
            throw new IllegalStateException(malformed);
        } finally {
            frame.release();
            notifyAll();
        }
    }

    @Override
    public void hold(boolean nothingMore) {
        throw new UnsupportedOperationException("nobody holds back what comes over this link");
    }

    @Override
    public synchronized long receivedBytes() {
        return delivered;
    }

    @Override
    public long queuedBytes() {
        return 0;
    }

    @Override
    public void close() {
        // the process ends soon
    }
}

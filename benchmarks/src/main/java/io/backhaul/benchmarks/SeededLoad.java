package io.backhaul.benchmarks;

import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;

/**
 * A load of which every write follows from its number, so that whoever knows the seed knows what must stand where at any
 * position, and a source that was killed goes on where the target stands. Write <i>n</i> is record <i>n</i> + 2 of
 * generation 1; at every {@link #MARK_EVERY}th number stands a mark instead. About half of the content can be compressed away.
 *
 * @param unitBytes
 *            what offsets and lengths are multiples of
 * @param maxBytes
 *            of one write
 * @param zeroes
 *            one in so many writes is zero; 0 for none
 * @param passes
 *            0 for random places; else each disk is written so often in all, every place once in each pass, by turns
 */
record SeededLoad(long seed, int disks, long diskBytes, int unitBytes, int maxBytes, int zeroes, int passes) {
    static final int MARK_EVERY = 1000;
    static final UUID MACHINE = new UUID(0x6b1f0a52c1d34e10L, 0x8f5e2d7c9a304b61L);
    /** What the replica's id is drawn from, so that the stream can name it. */
    static final long REPLICA = 20261123;
    private static final int FRAME_BYTES = 1 << 20;
    private static final int FRAME_WRITES = 256;
    private static final ByteBufAllocator ALLOCATOR = ByteBufAllocator.DEFAULT;

    /** One of them. */
    record Write(long number, int disk, long offset, int lengthBytes, boolean zero) {}

    static long mix(long value) {
        long mixed = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }

    static Position positionOf(long number) {
        return new Position(1, number + 2);
    }

    static long numberOf(Position position) {
        return position.sequence() - 2;
    }

    static boolean isMark(long number) {
        return number % MARK_EVERY == 0;
    }

    Write write(long number) {
        long chance = mix(seed ^ number * 0x9e3779b97f4a7c15L);
        boolean zero = zeroes > 0 && Long.remainderUnsigned(chance, zeroes) == 0;
        int disk = (int) Long.remainderUnsigned(chance >>> 8, disks);
        if (passes > 0) {
            long places = diskBytes / maxBytes;
            long place = Math.floorMod(number % places * 40_503L + number / places * 7, places);
            return new Write(number, 0, place * maxBytes, maxBytes, false);
        }
        int units = 1 + (int) Long.remainderUnsigned(mix(chance + 1), maxBytes / unitBytes);
        long offset = Long.remainderUnsigned(mix(chance + 2), diskBytes / unitBytes - units + 1) * unitBytes;
        return new Write(number, disk, offset, units * unitBytes, zero);
    }

    /** What a write puts into a unit of a disk; as many bytes as remain. */
    static void fill(long number, long offset, ByteBuffer target) {
        long state = mix(number * 31 + offset);
        target.putLong(state);
        for (int i = 1; target.remaining() >= Long.BYTES; i++) {
            if ((i & 8) == 0) {
                state ^= state << 13;
                state ^= state >>> 7;
                state ^= state << 17;
            }
            target.putLong(state);
        }
    }

    /** Begins the stream, as far as the target has not heard it. */
    void begin(StreamLink link, Position durable) throws InterruptedException {
        List<DiskInfo> infos = new ArrayList<>();
        for (int i = 0; i < disks; i++) {
            infos.add(new DiskInfo(i, "serial-" + i, diskBytes, 512));
        }
        if (durable.equals(Position.NONE)) {
            link.deliver(new GenerationStart(MACHINE, 1, micros(), Position.NONE, Fidelity.BASELINE, new UUID(1, 1),
                    "machine", infos).frame(ALLOCATOR));
        }
        if (durable.sequence() < 2) {
            link.deliver(new FidelityChange(MACHINE, new Position(1, 2), micros(), Fidelity.ORDERED,
                    new UUID(REPLICA, REPLICA)).frame(ALLOCATOR));
        }
    }

    private static long micros() {
        return SystemClock.INSTANCE.wallMicros();
    }

    /** Hears of every frame that was sent. */
    interface Pace {
        /** Whether to go on behind a number, after so many bytes of content. */
        boolean sent(long number, long bytes);
    }

    /** Sends what follows a number, until it is told to stop; answers the last one that was sent. */
    long send(StreamLink link, long after, Pace pace) throws InterruptedException {
        WriteBatchBuilder.Compressor compressor = Lz4.compressor();
        ByteBuffer data = ByteBuffer.allocateDirect(maxBytes);
        long number = after;
        long bytes = 0;
        boolean goesOn = true;
        while (goesOn) {
            if (isMark(number + 1)) {
                number++;
                link.deliver(new Mark(MACHINE, positionOf(number), micros(), Mark.Kind.USER, "mark " + number)
                        .frame(ALLOCATOR));
                continue;
            }
            WriteBatchBuilder batch = new WriteBatchBuilder(ALLOCATOR, FRAME_BYTES);
            Position first = positionOf(number + 1);
            while (!isMark(number + 1) && batch.records() < FRAME_WRITES
                    && batch.payloadBytes() + maxBytes <= FRAME_BYTES) {
                Write write = write(++number);
                bytes += write.lengthBytes;
                add(batch, write, data);
            }
            link.deliver(SyntheticStream.trimmed(
                    batch.close(new WriteBatchBuilder.Heading(MACHINE, first, micros(), false), compressor)));
            goesOn = pace.sent(number, bytes);
        }
        return number;
    }

    private void add(WriteBatchBuilder batch, Write write, ByteBuffer data) {
        if (write.zero) {
            batch.zero(write.disk, write.offset, write.lengthBytes);
            return;
        }
        data.clear();
        for (int at = 0; at < write.lengthBytes; at += unitBytes) {
            data.limit(at + unitBytes);
            fill(write.number, write.offset + at, data);
        }
        batch.data(write.disk, write.offset, data.flip());
    }

    /** Goes on until so many bytes have been sent, no faster than a rate. */
    static Pace throttled(long totalBytes, long bytesPerSecond) {
        long begun = System.nanoTime();
        return (number, bytes) -> {
            long ahead = (long) (bytes * 1e9 / bytesPerSecond) - (System.nanoTime() - begun);
            if (ahead > 0) {
                LockSupport.parkNanos(ahead);
            }
            return bytes < totalBytes;
        };
    }
}

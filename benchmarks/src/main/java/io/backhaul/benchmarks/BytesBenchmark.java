package io.backhaul.benchmarks;

import io.backhaul.engine.codec.Lz4;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * What every payload byte goes through, alone: the copy out of a ring into a batch, LZ4 of a batch and CRC-32C; a unit is a byte
 * before compression.
 */
@State(Scope.Thread)
public class BytesBenchmark {
    private static final int BATCH_BYTES = 256 << 10;
    private static final int RING_BYTES = 64 << 20;
    private static final int RECORD_BYTES = 64 << 10;
    private static final int HEAD_BYTES = 48;

    private final ByteBuffer plain = Content.halfCompressible(BATCH_BYTES);
    private final ByteBuffer squeezed = ByteBuffer.allocateDirect(BATCH_BYTES);
    private final ByteBuffer expanded = ByteBuffer.allocateDirect(BATCH_BYTES);
    private final ByteBuffer ring = ByteBuffer.allocateDirect(RING_BYTES);
    private int position;
    private final int squeezedBytes = Lz4.compressor().compress(plain.duplicate(), squeezed.duplicate());

    /** Records of a ring that is larger than a processor's cache, one behind the other, each in one piece. */
    @Benchmark
    @OperationsPerInvocation(BATCH_BYTES)
    public ByteBuffer copyOutOfRing() {
        for (int filled = 0; filled < BATCH_BYTES; filled += RECORD_BYTES) {
            expanded.put(filled, ring, position, RECORD_BYTES);
            position = position + 2 * RECORD_BYTES > RING_BYTES ? 0 : position + RECORD_BYTES + HEAD_BYTES;
        }
        return expanded;
    }

    @Benchmark
    @OperationsPerInvocation(BATCH_BYTES)
    public int lz4Compress() {
        return Lz4.compressor().compress(plain.duplicate(), expanded.duplicate());
    }

    @Benchmark
    @OperationsPerInvocation(BATCH_BYTES)
    public ByteBuffer lz4Expand() throws IOException {
        Lz4.expand(squeezed.slice(0, squeezedBytes), expanded.duplicate());
        return expanded;
    }

    @Benchmark
    @OperationsPerInvocation(BATCH_BYTES)
    public long crc32c() {
        CRC32C crc = new CRC32C();
        crc.update(plain.duplicate());
        return crc.getValue();
    }
}

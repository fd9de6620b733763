package io.backhaul.benchmarks;

import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.engine.log.LogKind;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatchBuilder;

import io.netty.buffer.ByteBufAllocator;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;

import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The segment log on the disk under {@code java.io.tmpdir}: appending with a sync for each commit, as the spool and the
 * journal do; a unit is a byte of payload. What was written is trimmed again.
 */
@State(Scope.Thread)
public class SegmentBenchmark {
    private static final int LARGE_BYTES = 1 << 20;
    private static final int SMALL_BYTES = 4 << 10;
    private static final long TRIM_BYTES = 512L << 20;

    private final ByteBuffer content = Content.halfCompressible(LARGE_BYTES);
    private @Nullable Path folder;
    private @Nullable SegmentLog log;

    @Setup
    public void open() throws IOException {
        folder = Folders.temporary();
        log = SegmentLog.open(DirectoryVolume.create(folder.resolve("log")), LogKind.SPOOL, Content.MACHINE,
                SegmentLimits.DEFAULT, ByteBufAllocator.DEFAULT);
        var start = new GenerationStart(Content.MACHINE, 1, 1_000_000, Position.NONE, Fidelity.BASELINE, new UUID(7, 7),
                "bench", List.of(new DiskInfo(0, "disk-0", 1L << 30, 512)));
        append(opened(), start.frame(ByteBufAllocator.DEFAULT));
        opened().sync();
    }

    @TearDown
    public void close() throws IOException {
        opened().close();
        if (folder != null) {
            Folders.delete(folder);
        }
    }

    private SegmentLog opened() {
        SegmentLog current = log;
        if (current == null) {
            throw new IllegalStateException("not set up");
        }
        return current;
    }

    private static void append(SegmentLog log, Frame frame) throws IOException {
        try {
            log.append(frame);
        } finally {
            frame.release();
        }
    }

    private long commit(int payloadBytes) throws IOException {
        SegmentLog current = opened();
        WriteBatchBuilder builder = new WriteBatchBuilder(ByteBufAllocator.DEFAULT, payloadBytes);
        builder.data(0, 0, content.slice(0, payloadBytes));
        var heading = new WriteBatchBuilder.Heading(Content.MACHINE, current.last().plus(1), 1_000_000, false);
        append(current, builder.close(heading));
        current.sync();
        if (current.sizeBytes() > TRIM_BYTES) {
            current.trimTo(current.synced());
        }
        return current.sizeBytes();
    }

    @Benchmark
    @OperationsPerInvocation(LARGE_BYTES)
    public long commitMebibyte() throws IOException {
        return commit(LARGE_BYTES);
    }

    @Benchmark
    @OperationsPerInvocation(SMALL_BYTES)
    public long commitFourKibibytes() throws IOException {
        return commit(SMALL_BYTES);
    }
}

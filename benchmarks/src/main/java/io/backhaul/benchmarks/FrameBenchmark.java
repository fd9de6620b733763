package io.backhaul.benchmarks;

import io.backhaul.engine.codec.Lz4;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameDecoder;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatchBuilder;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

import java.nio.ByteBuffer;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** One WRITES frame of 64 writes of 4 KiB, closed and taken apart; a unit is a byte of payload. */
@State(Scope.Thread)
public class FrameBenchmark {
    private static final int WRITES = 64;
    private static final int PAYLOAD_BYTES = WRITES * Content.BLOCK_BYTES;

    private final ByteBuffer content = Content.halfCompressible(PAYLOAD_BYTES);
    private final ByteBufAllocator allocator = ByteBufAllocator.DEFAULT;
    private Frame stored = batch().close(heading());
    private FrameDecoder decoder = new FrameDecoder(allocator);

    @Setup
    public void begin() {
        stored.release();
        stored = batch().close(heading());
        decoder = new FrameDecoder(allocator);
    }

    @TearDown
    public void end() {
        stored.release();
        decoder.close();
    }

    private WriteBatchBuilder batch() {
        WriteBatchBuilder builder = new WriteBatchBuilder(allocator, PAYLOAD_BYTES);
        for (int write = 0; write < WRITES; write++) {
            builder.data(0, write * (long) Content.BLOCK_BYTES,
                    content.slice(write * Content.BLOCK_BYTES, Content.BLOCK_BYTES));
        }
        return builder;
    }

    private static WriteBatchBuilder.Heading heading() {
        return new WriteBatchBuilder.Heading(Content.MACHINE, new Position(1, 1), 1_000_000, false);
    }

    @Benchmark
    @OperationsPerInvocation(PAYLOAD_BYTES)
    public int encodeRaw() {
        return release(batch().close(heading()));
    }

    @Benchmark
    @OperationsPerInvocation(PAYLOAD_BYTES)
    public int encodeLz4() {
        return release(batch().close(heading(), Lz4.compressor()));
    }

    @Benchmark
    @OperationsPerInvocation(PAYLOAD_BYTES)
    public int decode() {
        ByteBuf input = stored.bytes().duplicate();
        if (decoder.next(input) instanceof Decoded.Intact(Frame frame)) {
            return release(frame);
        }
        throw new IllegalStateException("the frame was damaged on no way at all");
    }

    private static int release(Frame frame) {
        int length = frame.lengthBytes();
        frame.release();
        return length;
    }
}

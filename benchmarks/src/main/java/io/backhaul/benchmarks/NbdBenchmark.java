package io.backhaul.benchmarks;

import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.nbd.Endpoint;
import io.backhaul.blockio.nbd.NbdClient;
import io.backhaul.blockio.nbd.NbdClientOptions;
import io.backhaul.blockio.nbd.NbdServer;
import io.backhaul.blockio.nbd.NbdServerOptions;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Our NBD client against our NBD server over a unix socket, one request at a time; a unit is a byte moved. */
@State(Scope.Thread)
public class NbdBenchmark {
    private static final int SMALL_BYTES = 4 << 10;
    private static final int LARGE_BYTES = 1 << 20;
    private static final long DEVICE_BYTES = 64L << 20;

    private final ByteBuffer content = Content.halfCompressible(LARGE_BYTES);
    private final ByteBuffer target = ByteBuffer.allocateDirect(LARGE_BYTES);
    private @Nullable Path folder;
    private @Nullable RawDevice device;
    private @Nullable NbdServer server;
    private @Nullable NbdClient client;
    private long next;

    @Setup
    public void open() throws IOException {
        Path made = Folders.temporary();
        folder = made;
        RawDevice disk = RawDevice.create(made.resolve("disk.raw"), DEVICE_BYTES);
        device = disk;
        NbdServer listening = NbdServer.listen(new Endpoint.Unix(made.resolve("nbd.sock")),
                NbdServerOptions.defaults());
        listening.export("disk", disk);
        server = listening;
        client = NbdClient.connect(listening.endpoint(), "disk", NbdClientOptions.defaults());
    }

    @TearDown
    public void close() throws IOException {
        connected().close();
        if (server != null) {
            server.close();
        }
        if (device != null) {
            device.close();
        }
        if (folder != null) {
            Folders.delete(folder);
        }
    }

    private NbdClient connected() {
        NbdClient current = client;
        if (current == null) {
            throw new IllegalStateException("not set up");
        }
        return current;
    }

    private long advance(int lengthBytes) {
        next = (next + lengthBytes) % (DEVICE_BYTES - LARGE_BYTES);
        return next / SMALL_BYTES * SMALL_BYTES;
    }

    private ByteBuffer read(int lengthBytes) throws IOException {
        connected().read(advance(lengthBytes), target.clear().limit(lengthBytes));
        return target;
    }

    private long write(int lengthBytes) throws IOException {
        long at = advance(lengthBytes);
        connected().write(at, content.slice(0, lengthBytes));
        return at;
    }

    @Benchmark
    @OperationsPerInvocation(SMALL_BYTES)
    public ByteBuffer readFourKibibytes() throws IOException {
        return read(SMALL_BYTES);
    }

    @Benchmark
    @OperationsPerInvocation(SMALL_BYTES)
    public long writeFourKibibytes() throws IOException {
        return write(SMALL_BYTES);
    }

    @Benchmark
    @OperationsPerInvocation(LARGE_BYTES)
    public ByteBuffer readMebibyte() throws IOException {
        return read(LARGE_BYTES);
    }

    @Benchmark
    @OperationsPerInvocation(LARGE_BYTES)
    public long writeMebibyte() throws IOException {
        return write(LARGE_BYTES);
    }
}

package io.backhaul.benchmarks;

import io.backhaul.engine.link.Credentials;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.link.LinkServer;
import io.backhaul.engine.link.TlsLinks;
import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.management.CertificateAuthority;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.WriteBatchBuilder;

import io.netty.buffer.ByteBufAllocator;

import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One link on loopback, mutual TLS 1.3, from {@code send} to the receiver's listener, with 16 frames of 256 KiB under
 * way at most; a unit is a byte of a frame.
 */
@State(Scope.Thread)
public class LinkBenchmark {
    private static final int PAYLOAD_BYTES = 256 << 10;
    private static final int FRAMES = 64;
    private static final int WINDOW_FRAMES = 16;
    private static final long PATIENCE_SECONDS = 60;

    private final Semaphore window = new Semaphore(WINDOW_FRAMES);
    private @Nullable Stand stand;

    /** What is set up, together. */
    private record Stand(Path folder, NettyLoops loops, LinkServer server, TlsLinks dialler, NettyLoop loop, Link link,
            Frame frame) {}

    @Setup
    public void open() throws Exception {
        Path folder = Folders.temporary();
        CertificateAuthority authority = CertificateAuthority.create(folder.resolve("ca"), SystemClock.INSTANCE);
        authority.issue(new Identity(Role.SOURCE, Content.MACHINE), folder.resolve("source"));
        authority.issue(new Identity(Role.PROCESS_SERVER, new UUID(7, 7)), folder.resolve("server"));
        NettyLoops loops = new NettyLoops(2, (where, defect) -> defect.printStackTrace());
        LinkServer server = LinkServer.listen("localhost:0", Credentials.in(folder.resolve("server")), loops,
                link -> link.attach(loops.next(), new Ears(window)));
        TlsLinks dialler = new TlsLinks(Credentials.in(folder.resolve("source")), loops);
        NettyLoop loop = loops.next();
        Link link = dial(dialler, server.port(), loop);
        stand = new Stand(folder, loops, server, dialler, loop, link, frame());
    }

    private static Link dial(Dialler dialler, int port, NettyLoop loop) throws Exception {
        CompletableFuture<Link> dialled = new CompletableFuture<>();
        dialler.dial("localhost:" + port, Role.PROCESS_SERVER, loop, new Dialler.Outcome() {
            @Override
            public void connected(Link link) {
                link.attach(loop, new Ears(new Semaphore(0)));
                dialled.complete(link);
            }

            @Override
            public void failed(FaultCode code, String why) {
                dialled.completeExceptionally(new IOException(code + ": " + why));
            }
        });
        return dialled.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static Frame frame() {
        WriteBatchBuilder builder = new WriteBatchBuilder(ByteBufAllocator.DEFAULT, PAYLOAD_BYTES);
        builder.data(0, 0, Content.halfCompressible(PAYLOAD_BYTES));
        return builder.close(new WriteBatchBuilder.Heading(Content.MACHINE, new Position(1, 1), 1_000_000, false));
    }

    @TearDown
    public void close() throws IOException {
        Stand done = stand;
        if (done != null) {
            done.dialler().close();
            done.server().close();
            done.loops().close();
            done.frame().release();
            Folders.delete(done.folder());
        }
    }

    @Benchmark
    @OperationsPerInvocation(PAYLOAD_BYTES * FRAMES)
    public int send() throws InterruptedException {
        Stand current = stand;
        if (current == null) {
            throw new IllegalStateException("not set up");
        }
        for (int sent = 0; sent < FRAMES; sent++) {
            take(1);
            current.loop().execute(() -> current.link().send(current.frame().retain()));
        }
        take(WINDOW_FRAMES);
        window.release(WINDOW_FRAMES);
        return FRAMES;
    }

    private void take(int permits) throws InterruptedException {
        if (!window.tryAcquire(permits, PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the link stands still");
        }
    }

    /** Gives the window back, frame by frame. */
    private record Ears(Semaphore window) implements Link.Listener {
        @Override
        public void frame(Frame frame) {
            frame.release();
            window.release();
        }

        @Override
        public void closed(String why) {}
    }
}

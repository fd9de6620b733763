package io.backhaul.cli;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Credentials;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.link.LinkServer;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.stream.FrameSink;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.Reception;
import io.backhaul.engine.stream.StreamReceiver;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A master target without journals: its links and sessions are real; what it takes counts as journaled, and is forgotten.
 * It can be stopped and started again. Owned by one thread.
 */
final class CrowdTarget implements AutoCloseable {
    private static final int MAX_LINKS = 8192;
    private static final long CREDIT_BYTES = 16 << 20;

    private final Credentials credentials;
    private final NettyLoops loops;
    private final FaultLog faults = new FaultLog(SystemClock.INSTANCE);
    private final Map<UUID, Sink> machines = new ConcurrentHashMap<>();
    private String address = "127.0.0.1:0";
    private @Nullable LinkServer server;

    CrowdTarget(Credentials credentials, NettyLoops loops) {
        this.credentials = credentials;
        this.loops = loops;
    }

    /** Where it listens, also while it is stopped. */
    String address() {
        return address;
    }

    void start() throws IOException {
        Reception reception = new Reception(
                new Reception.Ports(loops.next(), ByteBufAllocator.DEFAULT, HopTiming.DEFAULT, MAX_LINKS, faults),
                this::welcome);
        LinkServer listening = LinkServer.listen(address, credentials, loops,
                new LinkServer.Terms(Set.of(Role.PROCESS_SERVER), MAX_LINKS, MAX_LINKS, faults), reception);
        address = "127.0.0.1:" + listening.port();
        server = listening;
    }

    private void welcome(Link link, Hello hello) {
        Sink sink = machines.computeIfAbsent(hello.machine(), machine -> new Sink(machine, loops.next()));
        StreamReceiver receiver = new StreamReceiver(
                new StreamReceiver.Ports(sink.loop, ByteBufAllocator.DEFAULT, HopTiming.DEFAULT, CREDIT_BYTES), link,
                hello, sink, () -> {});
        link.attach(sink.loop, receiver);
        sink.loop.execute(() -> {
            sink.receiver = receiver;
            receiver.begin();
        });
    }

    /** Nobody listens any more, and all links are cut. */
    void stop() {
        if (server != null) {
            server.close();
            server = null;
        }
    }

    @Override
    public void close() {
        stop();
    }

    /** One machine. Owned by its loop. */
    private static final class Sink implements FrameSink {
        private final UUID machine;
        private final Loop loop;
        private Position accepted = Position.NONE;
        private @Nullable StreamReceiver receiver;

        Sink(UUID machine, Loop loop) {
            this.machine = machine;
            this.loop = loop;
        }

        @Override
        public Position accepted() {
            return accepted;
        }

        @Override
        public Positions positions() {
            return new Positions(machine, accepted, accepted, accepted, accepted, Position.NONE);
        }

        @Override
        public void whenSettled(Runnable task) {
            task.run();
        }

        @Override
        public @Nullable Refusal admit(Hello hello) {
            return null;
        }

        @Override
        public @Nullable Refusal judge(GenerationStart start) {
            return null;
        }

        @Override
        public void accept(Frame frame, Runnable released) {
            accepted = frame.last();
            frame.release();
            released.run();
            if (receiver != null) {
                receiver.progressed();
            }
        }

        @Override
        public void control(Frame frame) {
            frame.release();
        }
    }
}

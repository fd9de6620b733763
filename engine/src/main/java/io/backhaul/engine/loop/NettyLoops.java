package io.backhaul.engine.loop;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A few threads that run all state machines and links of a process: Netty's event loops, on epoll where the system has it.
 * Safe from any thread.
 */
public final class NettyLoops implements AutoCloseable {
    private static final int STOP_SECONDS = 5;

    private final EventLoopGroup group;
    private final List<NettyLoop> loops = new ArrayList<>();
    private final Map<EventLoop, NettyLoop> byEventLoop = new HashMap<>();
    private final AtomicInteger turn = new AtomicInteger();

    /** Loops whose defects halt the process. */
    public NettyLoops(int threads) {
        this(threads, Defects.HALT);
    }

    public NettyLoops(int threads, Defects defects) {
        IoHandlerFactory handlers = isEpoll() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        this.group = new MultiThreadIoEventLoopGroup(threads, new DefaultThreadFactory("loop"), handlers);
        for (EventExecutor executor : group) {
            NettyLoop loop = new NettyLoop((EventLoop) executor, defects);
            loops.add(loop);
            byEventLoop.put(loop.eventLoop(), loop);
        }
    }

    /** Whether sockets are driven by epoll; by the JDK's selectors otherwise. */
    public static boolean isEpoll() {
        return Epoll.isAvailable();
    }

    /** The loops in turn. */
    public NettyLoop next() {
        return loops.get(Math.floorMod(turn.getAndIncrement(), loops.size()));
    }

    /** The loop that is this event loop. */
    public NettyLoop of(EventLoop eventLoop) {
        NettyLoop loop = byEventLoop.get(eventLoop);
        if (loop == null) {
            throw new IllegalArgumentException("an event loop of others: " + eventLoop);
        }
        return loop;
    }

    /** The event loops themselves, for channels. */
    public EventLoopGroup group() {
        return group;
    }

    /** Ends all loops; what is still queued may be lost. Not from a loop. */
    @Override
    public void close() {
        group.shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS).awaitUninterruptibly(2L * STOP_SECONDS,
                TimeUnit.SECONDS);
    }
}

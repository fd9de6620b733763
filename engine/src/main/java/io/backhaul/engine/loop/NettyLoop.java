package io.backhaul.engine.loop;

import io.backhaul.engine.time.Clock;
import io.backhaul.engine.time.SystemClock;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** A {@link Loop} that is an event loop of Netty, so that a link on the same event loop needs no change of threads. */
public final class NettyLoop implements Loop {
    private final EventLoop eventLoop;
    private final Defects defects;

    NettyLoop(EventLoop eventLoop, Defects defects) {
        this.eventLoop = eventLoop;
        this.defects = defects;
    }

    /** Where channels of this loop are registered. */
    public EventLoop eventLoop() {
        return eventLoop;
    }

    @Override
    public void execute(Runnable task) {
        eventLoop.execute(() -> run(task));
    }

    @Override
    public Timer schedule(long delayNanos, Runnable task) {
        Future<?> scheduled = eventLoop.schedule(() -> run(task), delayNanos, TimeUnit.NANOSECONDS);
        return () -> scheduled.cancel(false);
    }

    @Override
    public boolean isCurrent() {
        return eventLoop.inEventLoop();
    }

    @Override
    public Clock clock() {
        return SystemClock.INSTANCE;
    }

    /** Runs something that came from the event loop itself, under the same care as a task. */
    public void run(Runnable task) {
        try {
            task.run();
        } catch (Throwable defect) {
            defects.met(Thread.currentThread().getName(), defect);
        }
    }
}

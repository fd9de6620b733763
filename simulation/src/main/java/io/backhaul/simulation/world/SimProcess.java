package io.backhaul.simulation.world;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.Monitor;
import io.backhaul.engine.time.Clock;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;

/** One run of a program on a host. When it ends, its loops, lanes, links and memory end with it. */
public final class SimProcess {
    private final SimHost host;
    private final String name;
    private final HeapAllocator allocator = new HeapAllocator();
    private final List<SimLink> links = new ArrayList<>();
    private boolean alive = true;
    private int places;
    private final Clock clock = new Clock() {
        @Override
        public long nanos() {
            return host.scheduler().nanos();
        }

        @Override
        public long wallMicros() {
            return host.wallMicros();
        }
    };

    SimProcess(SimHost host, String name) {
        this.host = host;
        this.name = name;
    }

    public String name() {
        return name;
    }

    public SimHost host() {
        return host;
    }

    public boolean isAlive() {
        return alive;
    }

    public Clock clock() {
        return clock;
    }

    public ByteBufAllocator allocator() {
        return allocator;
    }

    /** Bytes of buffers that have been allocated and not released. */
    public long buffersBytes() {
        return allocator.usedBytes();
    }

    /** The most bytes of buffers that it has ever held. */
    public long peakBuffersBytes() {
        return allocator.peakBytes();
    }

    public Loop newLoop() {
        return new SimLoop(this, "loop" + places++);
    }

    public Lane newLane() {
        return new SimLane(this, "lane" + places++);
    }

    public Monitor newMonitor() {
        return new SimMonitor(this);
    }

    /**
     * Runs a call of a thread that is none of the process's loops, such as an NBD connection's; it may take time.
     *
     * @param ended
     *            runs when the call has returned, unless the process has died
     */
    public void call(Runnable task, Runnable ended) {
        if (host.interleaves()) {
            new Fiber(this, this, () -> {
                task.run();
                host.scheduler().after(0, this, ended);
            }).resume();
        } else {
            mustLive();
            host.scheduler().runAs(this, task);
            host.scheduler().after(0, this, ended);
        }
    }

    void adopt(SimLink link) {
        links.add(link);
    }

    void forget(SimLink link) {
        links.remove(link);
    }

    void mustLive() {
        if (!alive) {
            throw new ProcessKilled(name);
        }
    }

    void end(boolean silently) {
        alive = false;
        List.copyOf(links).forEach(link -> link.processDied(silently));
        links.clear();
    }
}

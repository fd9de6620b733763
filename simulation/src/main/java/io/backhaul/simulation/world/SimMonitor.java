package io.backhaul.simulation.world;

import io.backhaul.engine.loop.Monitor;
import java.util.ArrayList;
import java.util.List;

/** A monitor of a process: as only one thing runs at a time there is nothing to lock, and who waits hands the turn on. */
final class SimMonitor implements Monitor {
    private final SimProcess process;
    private final List<Fiber> waiting = new ArrayList<>();

    SimMonitor(SimProcess process) {
        this.process = process;
    }

    @Override
    public void lock() {
        process.mustLive();
    }

    @Override
    public void unlock() {
        // Nothing was locked.
    }

    @Override
    public void await() {
        Fiber fiber = process.host().scheduler().fiber();
        if (fiber == null) {
            throw new IllegalStateException("would wait for ever: nothing can come in between here");
        }
        waiting.add(fiber);
        fiber.park();
    }

    @Override
    public void signalAll() {
        for (Fiber fiber : waiting) {
            process.host().scheduler().after(process.host().dice().between(0, 50_000), fiber::resume);
        }
        waiting.clear();
    }
}

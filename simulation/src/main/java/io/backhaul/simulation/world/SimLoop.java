package io.backhaul.simulation.world;

import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;

/** A loop whose tasks run as events of their own, a little later each, so that everything else may come in between. */
final class SimLoop implements Loop {
    private final SimProcess process;
    private final String name;
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private boolean due;

    SimLoop(SimProcess process, String name) {
        this.process = process;
        this.name = name;
    }

    @Override
    public void execute(Runnable task) {
        if (process.isAlive()) {
            tasks.add(task);
            goOn();
        }
    }

    private void goOn() {
        if (!due && !tasks.isEmpty()) {
            due = true;
            SimHost host = process.host();
            long pause = host.dice().chance(0.01) ? host.dice().scaled(10_000, 20_000_000)
                    : host.dice().between(0, 2_000);
            host.scheduler().after(pause, process, this::runOne);
        }
    }

    private void runOne() {
        due = false;
        Runnable task = tasks.remove();
        try {
            process.host().scheduler().runAs(this, task);
        } finally {
            goOn();
        }
    }

    @Override
    public Timer schedule(long delayNanos, Runnable task) {
        Alarm alarm = new Alarm(task);
        process.host().scheduler().after(delayNanos, process, () -> {
            if (alarm.armed) {
                execute(alarm);
            }
        });
        return alarm;
    }

    @Override
    public boolean isCurrent() {
        return process.host().scheduler().isCurrent(this);
    }

    @Override
    public Clock clock() {
        return process.clock();
    }

    @Override
    public String toString() {
        return process.name() + "/" + name;
    }

    private static final class Alarm implements Timer, Runnable {
        private final Runnable task;
        private boolean armed = true;

        Alarm(Runnable task) {
            this.task = task;
        }

        @Override
        public void run() {
            if (armed) {
                armed = false;
                task.run();
            }
        }

        @Override
        public void cancel() {
            armed = false;
        }
    }
}

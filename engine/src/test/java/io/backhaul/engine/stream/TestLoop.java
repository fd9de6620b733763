package io.backhaul.engine.stream;

import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.time.Clock;
import java.util.Comparator;
import java.util.PriorityQueue;

/** A loop in virtual time, run by the test's own thread: tasks in the order of their time, then of their giving. */
public final class TestLoop implements Loop, Clock {
    private final PriorityQueue<Task> tasks = new PriorityQueue<>(
            Comparator.comparingLong(Task::dueNanos).thenComparingLong(Task::number));
    private long nowNanos;
    private long number;

    private static final class Task {
        private final long dueNanos;
        private final long number;
        private final Runnable work;
        private boolean cancelled;

        Task(long dueNanos, long number, Runnable work) {
            this.dueNanos = dueNanos;
            this.number = number;
            this.work = work;
        }

        long dueNanos() {
            return dueNanos;
        }

        long number() {
            return number;
        }
    }

    /** Runs what is due within so many milliseconds. */
    public void runFor(long millis) {
        long end = nowNanos + millis * 1_000_000;
        for (Task task = tasks.peek(); task != null && task.dueNanos <= end; task = tasks.peek()) {
            step();
        }
        nowNanos = end;
    }

    /** Runs the next task, if there is one. */
    public boolean step() {
        Task task = tasks.poll();
        if (task == null) {
            return false;
        }
        nowNanos = Math.max(nowNanos, task.dueNanos);
        if (!task.cancelled) {
            task.work.run();
        }
        return true;
    }

    @Override
    public void execute(Runnable task) {
        schedule(0, task);
    }

    @Override
    public Timer schedule(long delayNanos, Runnable task) {
        Task scheduled = new Task(nowNanos + Math.max(0, delayNanos), number++, task);
        tasks.add(scheduled);
        return () -> scheduled.cancelled = true;
    }

    @Override
    public boolean isCurrent() {
        return true;
    }

    @Override
    public Clock clock() {
        return this;
    }

    @Override
    public long nanos() {
        return nowNanos;
    }

    @Override
    public long wallMicros() {
        return nowNanos / 1000;
    }
}

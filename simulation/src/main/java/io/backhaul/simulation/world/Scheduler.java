package io.backhaul.simulation.world;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Virtual time: a queue of events, run one at a time in the order of their instants, and among equal instants in the order
 * they were given. An event that belongs to a process that has died is dropped.
 *
 * <p>
 * Everything simulated runs on the one thread that calls {@link #step}.
 */
public final class Scheduler {
    private final EventQueue events = new EventQueue();
    private final EventLog log;
    private long nowNanos;
    private long run;
    private @Nullable Object current;
    private @Nullable Fiber fiber;
    private final List<Fiber> begun = new ArrayList<>();

    public Scheduler(EventLog log) {
        this.log = log;
    }

    public long nanos() {
        return nowNanos;
    }

    public EventLog log() {
        return log;
    }

    /** Events run so far. */
    public long eventsRun() {
        return run;
    }

    /** Runs a task of nobody in particular after a while. */
    public void after(long delayNanos, Runnable task) {
        after(delayNanos, null, task);
    }

    /** Runs a task after a while, unless its owner is dead then. */
    public void after(long delayNanos, @Nullable SimProcess owner, Runnable task) {
        events.add(nowNanos + Math.max(0, delayNanos), owner, task);
    }

    /**
     * Runs the next event.
     *
     * @return false where there is none
     */
    public boolean step() {
        EventQueue.Event event = events.poll();
        if (event == null) {
            return false;
        }
        nowNanos = event.nanos;
        SimProcess owner = event.owner;
        if (owner != null && !owner.isAlive()) {
            return true;
        }
        run++;
        log.mix(nowNanos, event.order);
        try {
            event.task.run();
        } catch (ProcessKilled killed) {
            log.show(nowNanos, "world", killed::getMessage);
        }
        return true;
    }

    /** The instant of the next event, or {@link Long#MAX_VALUE}. */
    public long nextNanos() {
        return events.nextNanos();
    }

    /** Runs a task as if on {@code place}: a loop or a lane. */
    void runAs(Object place, Runnable task) {
        Object before = current;
        current = place;
        try {
            task.run();
        } finally {
            current = before;
        }
    }

    /** Where the running code stands: a loop, a lane or a stranger's thread; null where nowhere. */
    @Nullable
    Object place() {
        return current;
    }

    void stand(@Nullable Object where) {
        current = where;
    }

    void enter(Fiber entered) {
        fiber = entered;
        if (!begun.contains(entered)) {
            begun.add(entered);
        }
    }

    void leave(Fiber left) {
        fiber = null;
        current = null;
        if (left.hasEnded()) {
            begun.remove(left);
        }
    }

    /** The blocking call that runs just now; null where there is none, and no time can pass. */
    @Nullable
    Fiber fiber() {
        return fiber;
    }

    /** Unwinds all blocking calls of dead processes; every process must be dead. */
    public void close() {
        List.copyOf(begun).forEach(Fiber::resume);
        events.clear();
    }

    @SuppressWarnings("ReferenceEquality")
    boolean isCurrent(Object place) {
        return current == place;
    }
}

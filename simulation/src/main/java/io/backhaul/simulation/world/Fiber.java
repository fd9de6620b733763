package io.backhaul.simulation.world;

import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * A blocking call that takes virtual time: it stops in the middle of a file or disk operation, everything else goes on, and
 * later it continues. Each has a thread, but only one thread of a simulation runs at any moment, handed the turn by the one
 * before: the order is the scheduler's alone.
 */
final class Fiber {
    private final Scheduler scheduler;
    private final SimProcess process;
    private final Object place;
    private final Runnable task;
    private final Semaphore myTurn = new Semaphore(0);
    private final Semaphore schedulersTurn = new Semaphore(0);
    private boolean started;
    private boolean ended;
    private @Nullable Throwable failure;

    Fiber(SimProcess process, Object place, Runnable task) {
        this.scheduler = process.host().scheduler();
        this.process = process;
        this.place = place;
        this.task = task;
    }

    /** Runs the call until it pauses or ends; on the scheduler's thread. */
    void resume() {
        if (ended) {
            return;
        }
        scheduler.enter(this);
        if (started) {
            myTurn.release();
        } else {
            started = true;
            Thread.ofVirtual().name(process.name()).start(this::body);
        }
        schedulersTurn.acquireUninterruptibly();
        scheduler.leave(this);
        if (failure instanceof RuntimeException bug) {
            throw bug;
        } else if (failure instanceof Error error) {
            throw error;
        }
    }

    private void body() {
        try {
            process.mustLive();
            scheduler.runAs(place, task);
        } catch (ProcessKilled expected) {
            scheduler.log().show(scheduler.nanos(), process.name(), expected::getMessage);
        } catch (RuntimeException | Error bug) {
            failure = bug;
        } finally {
            ended = true;
            schedulersTurn.release();
        }
    }

    /** Lets virtual time pass; on the fiber's thread. */
    void pause(long nanos) {
        scheduler.after(nanos, this::resume);
        park();
    }

    /** Stops until somebody lets the fiber {@link #resume}; on the fiber's thread. */
    void park() {
        Object where = scheduler.place();
        schedulersTurn.release();
        myTurn.acquireUninterruptibly();
        scheduler.stand(where);
        process.mustLive();
    }

    boolean hasEnded() {
        return ended;
    }
}

package io.backhaul.engine.loop;

/** A lane with a platform thread of its own. Its mailbox is bounded: beyond that a work fails unbegun. */
public final class ThreadLane implements Lane, AutoCloseable {
    private final LanePool pool;
    private final Lane lane;

    /** A lane whose defects halt the process. */
    public ThreadLane(String name) {
        this(name, Defects.HALT);
    }

    public ThreadLane(String name, Defects defects) {
        this.pool = new LanePool(name, 1, defects);
        this.lane = pool.lane(name);
    }

    @Override
    public <T> void submit(Work<T> work, Loop replyTo, Outcome<T> outcome) {
        lane.submit(work, replyTo, outcome);
    }

    /** Takes no more work and finishes what has been taken. Not from the lane. */
    @Override
    public void close() {
        pool.close();
    }
}

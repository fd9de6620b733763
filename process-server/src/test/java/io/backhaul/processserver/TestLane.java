package io.backhaul.processserver;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.TestLoop;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;

/** A lane in virtual time: each work takes a while, and none is done while the lane is held. */
final class TestLane implements Lane {
    private final TestLoop loop;
    private final long workNanos;
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private boolean held;
    private boolean busy;
    private boolean dead;

    TestLane(TestLoop loop, long workNanos) {
        this.loop = loop;
        this.workNanos = workNanos;
    }

    @Override
    public <T> void submit(Work<T> work, Loop replyTo, Outcome<T> outcome) {
        waiting.add(() -> {
            try {
                T result = work.run();
                replyTo.execute(() -> outcome.done(result));
            } catch (IOException cause) {
                replyTo.execute(() -> outcome.failed(cause));
            }
        });
        turn();
    }

    void hold(boolean hold) {
        held = hold;
        turn();
    }

    /** The process has ended: nothing more is done. */
    void die() {
        dead = true;
        waiting.clear();
    }

    private void turn() {
        if (held || busy || waiting.isEmpty()) {
            return;
        }
        busy = true;
        loop.schedule(workNanos, () -> {
            busy = false;
            if (!dead && !waiting.isEmpty()) {
                waiting.remove().run();
            }
            turn();
        });
    }
}

package io.backhaul.simulation.world;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;

/** A lane whose work takes virtual time: all of it before the work, which then runs at one instant, or with pauses in the
 * middle of its operations. */
final class SimLane implements Lane {
    private final SimProcess process;
    private final String name;
    private final Deque<Runnable> works = new ArrayDeque<>();
    private boolean busy;

    SimLane(SimProcess process, String name) {
        this.process = process;
        this.name = name;
    }

    @Override
    public <T> void submit(Work<T> work, Loop replyTo, Outcome<T> outcome) {
        if (process.isAlive()) {
            works.add(() -> run(work, replyTo, outcome));
            goOn();
        }
    }

    private void goOn() {
        if (!busy && !works.isEmpty()) {
            busy = true;
            SimHost host = process.host();
            host.scheduler().after(host.workNanos(), process, () -> {
                Runnable work = works.remove();
                if (host.interleaves()) {
                    new Fiber(process, this, work).resume();
                } else {
                    host.scheduler().runAs(this, work);
                }
            });
        }
    }

    private <T> void run(Work<T> work, Loop replyTo, Outcome<T> outcome) {
        Runnable reply;
        try {
            T result = work.run();
            reply = () -> outcome.done(result);
        } catch (IOException failure) {
            reply = () -> outcome.failed(failure);
        }
        SimHost host = process.host();
        Runnable told = reply;
        host.scheduler().after(host.dice().between(0, 50_000), process, () -> {
            busy = false;
            replyTo.execute(told);
            goOn();
        });
    }

    @Override
    public String toString() {
        return process.name() + "/" + name;
    }
}

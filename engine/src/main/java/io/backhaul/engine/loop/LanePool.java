package io.backhaul.engine.loop;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A few platform threads that many lanes share; each lane stays serial, and takes its turn after every work, so that a
 * slow machine delays the others by one work at most per thread. Platform threads, because blocking disk calls would pin
 * virtual ones. Safe from any thread.
 */
public final class LanePool implements AutoCloseable {
    /** Works that may wait in one lane. */
    public static final int LANE_CAPACITY = 1024;

    private static final Logger LOG = LoggerFactory.getLogger(LanePool.class);
    private static final int STOP_SECONDS = 30;

    private final ExecutorService threads;
    private final Defects defects;
    private volatile boolean closed;

    /** Lanes whose defects halt the process. */
    public LanePool(String name, int threads) {
        this(name, threads, Defects.HALT);
    }

    public LanePool(String name, int threads, Defects defects) {
        AtomicInteger number = new AtomicInteger();
        ThreadFactory factory = task -> Thread.ofPlatform().name(name + "-" + number.incrementAndGet()).daemon()
                .unstarted(task);
        this.threads = Executors.newFixedThreadPool(threads, factory);
        this.defects = defects;
    }

    /** A new serial lane. It needs no closing. */
    public Lane lane(String name) {
        return new SharedLane(name);
    }

    /** Takes no more work, finishes what has been taken, and ends the threads. Not from a lane. */
    @Override
    public void close() {
        closed = true;
        threads.shutdown();
        try {
            if (!threads.awaitTermination(STOP_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("lanes still busy after {} s; left to end with the process", STOP_SECONDS);
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /** One thing to do and who waits for it. */
    private record Errand<T>(Lane.Work<T> work, Loop replyTo, Lane.Outcome<T> outcome) {
        void run() {
            T result;
            try {
                result = work.run();
            } catch (IOException cause) {
                fail(cause);
                return;
            }
            reply(() -> outcome.done(result));
        }

        void fail(IOException cause) {
            reply(() -> outcome.failed(cause));
        }

        private void reply(Runnable telling) {
            try {
                replyTo.execute(telling);
            } catch (RejectedExecutionException stopped) {
                LOG.debug("the loop that waited has stopped");
            }
        }
    }

    /** A queue that is in the executor's hands exactly while it has something to do. */
    private final class SharedLane implements Lane {
        private final String name;
        private final Queue<Errand<?>> waiting = new ArrayDeque<>();
        private boolean scheduled;

        SharedLane(String name) {
            this.name = name;
        }

        @Override
        public <T> void submit(Work<T> work, Loop replyTo, Outcome<T> outcome) {
            Errand<T> errand = new Errand<>(work, replyTo, outcome);
            IOException refusal = enqueue(errand);
            if (refusal != null) {
                errand.fail(refusal);
            }
        }

        private synchronized @Nullable IOException enqueue(Errand<?> errand) {
            if (waiting.size() >= LANE_CAPACITY) {
                return new LaneFullException(name, waiting.size());
            }
            if (closed) {
                return new IOException("lane " + name + " is closed");
            }
            waiting.add(errand);
            if (!scheduled && !schedule()) {
                waiting.clear();
                return new IOException("lane " + name + " is closed");
            }
            return null;
        }

        private boolean schedule() {
            try {
                threads.execute(this::turn);
                scheduled = true;
                return true;
            } catch (RejectedExecutionException stopped) {
                return false;
            }
        }

        /** One work; then to the back of the executor's queue, or, once that is shut, all that is left. */
        private void turn() {
            boolean goOn = true;
            while (goOn) {
                Errand<?> errand;
                synchronized (this) {
                    errand = waiting.remove();
                }
                try {
                    errand.run();
                } catch (Throwable defect) {
                    defects.met("lane " + name, defect);
                }
                synchronized (this) {
                    goOn = !waiting.isEmpty() && !schedule();
                    scheduled = scheduled && !waiting.isEmpty();
                }
            }
        }
    }
}

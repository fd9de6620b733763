package io.backhaul.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A thread that does one thing after another until it is told to end. Between two of them whoever wants to look at one
 * moment takes the {@link #pause}; what it failed of is told to whoever asks next.
 */
final class Worker implements AutoCloseable {
    private final String name;
    private final ReentrantLock turn = new ReentrantLock(true);
    private final CountDownLatch end = new CountDownLatch(1);
    private final Thread thread;
    private volatile @Nullable Throwable failure;

    /**
     * @param name
     *            who has failed, when it has, such as {@code the write load}
     * @param life
     *            all that is done; it returns once {@link #rest} says so
     */
    Worker(String name, Step life) {
        this.name = name;
        this.thread = Thread.ofPlatform().name(name).daemon().unstarted(() -> live(life));
    }

    /** What is done in a turn. */
    @FunctionalInterface
    interface Step {
        void take() throws IOException, InterruptedException;
    }

    /** What is done in a pause. */
    @FunctionalInterface
    interface Work<T> {
        T run() throws IOException, InterruptedException;
    }

    void start() {
        thread.start();
    }

    private void live(Step life) {
        try {
            life.take();
        } catch (IOException | AssertionError | RuntimeException failing) {
            failure = failing instanceof UncheckedIOException wrapped ? wrapped.getCause() : failing;
        } catch (InterruptedException hurry) {
            Thread.currentThread().interrupt();
        }
    }

    /** On the worker's thread: takes a step that no pause cuts in two. */
    void inTurn(Step step) throws IOException, InterruptedException {
        turn.lock();
        try {
            step.take();
        } finally {
            turn.unlock();
        }
    }

    /** On the worker's thread: lets time pass; whether it is to end. */
    boolean rest(long millis) throws InterruptedException {
        return end.await(millis, TimeUnit.MILLISECONDS);
    }

    boolean isEnding() {
        return end.getCount() == 0;
    }

    /** Does {@code work} while the worker is between two turns. */
    <T> T pause(Work<T> work) throws IOException, InterruptedException {
        turn.lock();
        try {
            check();
            return work.run();
        } finally {
            turn.unlock();
        }
    }

    /** Fails where the worker has failed. */
    void check() throws IOException {
        Throwable failed = failure;
        if (failed != null) {
            throw new IOException(name + " has failed: " + failed.getMessage(), failed);
        }
    }

    /** Ends it, and waits until it has. */
    void stop() throws IOException, InterruptedException {
        end.countDown();
        thread.join();
        check();
    }

    /** Ends it without waiting. */
    @Override
    public void close() {
        end.countDown();
    }
}

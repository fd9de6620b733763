package io.backhaul.engine.loop;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A lock that threads can wait at until something behind it has changed: a port, so that a simulation, which runs one
 * thread at a time, can hand the turn on. {@link #await} and {@link #signalAll} are called with the lock held. Never on a
 * loop, but for {@link #signalAll}; whoever holds the lock does no blocking work.
 */
public interface Monitor {
    void lock();

    void unlock();

    /** Gives the lock up, waits for {@link #signalAll}, takes the lock again. May return without a reason. */
    void await();

    /** Wakes all who wait. */
    void signalAll();

    /** A monitor for threads. */
    static Monitor ofThreads() {
        ReentrantLock lock = new ReentrantLock();
        Condition changed = lock.newCondition();
        return new Monitor() {
            @Override
            public void lock() {
                lock.lock();
            }

            @Override
            public void unlock() {
                lock.unlock();
            }

            @Override
            @SuppressWarnings("WaitNotInLoop") // whoever calls this does so in a loop
            public void await() {
                changed.awaitUninterruptibly();
            }

            @Override
            public void signalAll() {
                changed.signalAll();
            }
        };
    }
}

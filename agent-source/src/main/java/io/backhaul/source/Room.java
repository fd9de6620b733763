package io.backhaul.source;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How many bytes the source holds between capture and release, and how many it may. Whoever takes room gives exactly the
 * same back. Safe from any thread.
 *
 * <p>
 * Captured writes may fill all of it. What is read from the disks stays within half, so that it never is what makes
 * captured writes overflow; and after an overflow capture goes on when half is free again.
 */
final class Room {
    private final long capacityBytes;
    private final AtomicLong heldBytes = new AtomicLong();
    private final ReentrantLock gate = new ReentrantLock();
    private final Condition freed = gate.newCondition();
    private final AtomicInteger waiting = new AtomicInteger();

    Room(long capacityBytes) {
        this.capacityBytes = capacityBytes;
    }

    long capacityBytes() {
        return capacityBytes;
    }

    long heldBytes() {
        return heldBytes.get();
    }

    /** Whether a captured write fits; one that is larger than the whole fits when nothing else is held. */
    boolean fits(long bytes) {
        long held = heldBytes.get();
        return held + bytes <= capacityBytes || held == 0;
    }

    /** Whether bytes read for a baseline or catch-up fit. */
    boolean fitsReconciled(long bytes) {
        long held = heldBytes.get();
        return held + bytes <= capacityBytes / 2 || held == 0;
    }

    /** Whether so little is held that captured writes may flow again after an overflow. */
    boolean isLow() {
        return heldBytes.get() <= capacityBytes / 2;
    }

    void take(long bytes) {
        heldBytes.addAndGet(bytes);
    }

    void give(long bytes) {
        long left = heldBytes.addAndGet(-bytes);
        if (left < 0) {
            throw new IllegalStateException("more room given back than was taken: " + left);
        }
        if (waiting.get() > 0) {
            gate.lock();
            try {
                freed.signalAll();
            } finally {
                gate.unlock();
            }
        }
    }

    /** Holds the caller back until {@code bytes} fit, but no longer than {@code limitNanos}. Never on a loop. */
    void awaitFit(long bytes, long limitNanos) {
        if (fits(bytes)) {
            return;
        }
        gate.lock();
        try {
            waiting.incrementAndGet();
            long left = limitNanos;
            while (!fits(bytes) && left > 0) {
                left = freed.awaitNanos(left);
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        } finally {
            waiting.decrementAndGet();
            gate.unlock();
        }
    }
}

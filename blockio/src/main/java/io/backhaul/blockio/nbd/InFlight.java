package io.backhaul.blockio.nbd;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** What one connection holds at this moment, in bytes and requests, within limits. */
final class InFlight {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final long limitBytes;
    private final int limitRequests;
    private long bytes;
    private int requests;

    InFlight(long limitBytes, int limitRequests) {
        this.limitBytes = limitBytes;
        this.limitRequests = limitRequests;
    }

    /** Takes one request of that many bytes if there is room; a request larger than the limit goes alone. */
    boolean tryEnter(long count) {
        lock.lock();
        try {
            if (!fits(count)) {
                return false;
            }
            bytes += count;
            requests++;
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Waits for room. */
    void enter(long count) {
        lock.lock();
        try {
            while (!fits(count)) {
                changed.awaitUninterruptibly();
            }
            bytes += count;
            requests++;
        } finally {
            lock.unlock();
        }
    }

    /** Takes a little over the limits: for an error reply, which must not wait behind what it is about. */
    void enterAnyway(long count) {
        lock.lock();
        try {
            bytes += count;
            requests++;
        } finally {
            lock.unlock();
        }
    }

    void leave(long count) {
        lock.lock();
        try {
            bytes -= count;
            requests--;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private boolean fits(long count) {
        return requests == 0 || (requests < limitRequests && bytes + count <= limitBytes);
    }
}

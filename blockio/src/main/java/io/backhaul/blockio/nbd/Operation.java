package io.backhaul.blockio.nbd;

import java.io.IOException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** What one caller of the client waits for: one or more requests, and the first failure of any. */
final class Operation {
    private final Thread caller = Thread.currentThread();
    private final String what;
    private volatile int pending;
    private volatile @Nullable IOException failure;

    Operation(String what) {
        this.what = what;
    }

    String what() {
        return what;
    }

    synchronized void begun() {
        pending++;
    }

    void ended(@Nullable IOException problem) {
        boolean last;
        synchronized (this) {
            if (problem != null && failure == null) {
                failure = problem;
            }
            last = --pending == 0;
        }
        if (last) {
            LockSupport.unpark(caller);
        }
    }

    boolean failed() {
        return failure != null;
    }

    /** Waits, deaf to interrupts, until all requests have ended; throws what the first that failed said. */
    void await() throws IOException {
        boolean interrupted = false;
        while (pending > 0) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            caller.interrupt();
        }
        IOException problem = failure;
        if (problem != null) {
            throw problem;
        }
    }
}

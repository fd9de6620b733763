package io.backhaul.processserver;

import java.util.concurrent.atomic.AtomicLong;

/** The memory that all sources together may be given credit for. Safe from any thread. */
final class CreditPool {
    private final long maxBytes;
    private final AtomicLong grantedBytes = new AtomicLong();

    CreditPool(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** Takes so many bytes out of the pool, where they are in it. */
    boolean take(long bytes) {
        if (grantedBytes.addAndGet(bytes) <= maxBytes) {
            return true;
        }
        grantedBytes.addAndGet(-bytes);
        return false;
    }

    void giveBack(long bytes) {
        grantedBytes.addAndGet(-bytes);
    }

    long grantedBytes() {
        return grantedBytes.get();
    }
}

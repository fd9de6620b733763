package io.backhaul.processserver;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The memory that the frames of all machines take. Every source has credit for more than its part of it, because most are
 * idle; what is bounded is what they really take: nobody may take more than half of what is left. So one machine alone
 * gets a third of all, many get equal parts, and there is always something left for those who take little. Safe from any
 * thread.
 */
final class FrameMemory {
    private final long maxBytes;
    private final AtomicLong takenBytes = new AtomicLong();

    FrameMemory(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    long takenBytes() {
        return takenBytes.get();
    }

    /** Whether there is nothing left for one who takes nothing yet. */
    boolean isSpent() {
        return takenBytes.get() >= maxBytes;
    }

    /** What one machine takes for one purpose. Owned by its loop. */
    final class Share {
        private long ownBytes;

        void take(long bytes) {
            ownBytes += bytes;
            takenBytes.addAndGet(bytes);
        }

        void giveBack(long bytes) {
            take(-bytes);
        }

        /** What this share may be at present, by what all take. */
        long allowedBytes() {
            return Math.max(0, maxBytes - takenBytes.get()) / 2;
        }

        /** Whether it is more than it may be. One who takes nothing may always take a frame. */
        boolean isTooLarge() {
            return ownBytes > 0 && ownBytes > allowedBytes();
        }
    }
}

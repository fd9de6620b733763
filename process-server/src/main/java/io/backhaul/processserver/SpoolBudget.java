package io.backhaul.processserver;

import io.backhaul.engine.log.StoreException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What the spools of all machines take together, and may take. The last eighth of the room is kept for those that hold
 * little, in even parts: where a master target is away, its machines fill the rest, and the others' frames still pass.
 * Safe from any thread.
 */
final class SpoolBudget {
    private static final int KEPT_PART = 8;

    private final RelayLimits limits;
    private final AtomicLong usedBytes = new AtomicLong();
    private final AtomicInteger shares = new AtomicInteger();
    private volatile long freeBytes = Long.MAX_VALUE;

    SpoolBudget(RelayLimits limits) {
        this.limits = limits;
    }

    long usedBytes() {
        return usedBytes.get();
    }

    /** So many bytes are free on the volume. */
    void volumeHas(long nowFreeBytes) {
        freeBytes = nowFreeBytes;
    }

    private long roomBytes() {
        long used = usedBytes.get();
        return Math.min(limits.totalSpoolBytes(),
                freeBytes > Long.MAX_VALUE - used ? Long.MAX_VALUE : used + freeBytes);
    }

    /** One machine's share. Owned by its loop. */
    final class Share {
        private long takenBytes;

        Share() {
            shares.incrementAndGet();
        }

        /** Null where the share may grow by so many bytes; else why not. */
        @Nullable
        StoreException refuse(long bytes) {
            if (takenBytes + bytes > limits.machineSpoolBytes()) {
                return full("this machine's spool holds " + takenBytes + " of the " + limits.machineSpoolBytes()
                        + " bytes it may take; raise spool-limit-per-machine, or see why the master target lags");
            }
            long used = usedBytes.get();
            long room = roomBytes();
            if (used + bytes > room) {
                return full("all spools together hold " + used + " of the " + room
                        + " bytes they may take; raise spool-limit or enlarge the volume, or see which target lags");
            }
            long keptForOthers = room / KEPT_PART - evenBytes();
            if (takenBytes + bytes > evenBytes() && used + bytes > room - keptForOthers) {
                return full("all spools together hold " + used + " bytes, this machine's " + takenBytes
                        + ", and what is left of " + room
                        + " is kept for those that hold less; see why the master target lags");
            }
            return null;
        }

        private static StoreException full(String why) {
            return new StoreException(StoreException.Kind.FULL, why);
        }

        /** What of the room that is kept falls to each machine: less than that is never worth to be trimmed. */
        long evenBytes() {
            return roomBytes() / KEPT_PART / Math.max(1, shares.get());
        }

        /** The share takes so many bytes now. */
        void set(long bytes) {
            usedBytes.addAndGet(bytes - takenBytes);
            takenBytes = bytes;
        }

        long takenBytes() {
            return takenBytes;
        }
    }
}

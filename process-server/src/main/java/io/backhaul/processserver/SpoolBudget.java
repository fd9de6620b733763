package io.backhaul.processserver;

import io.backhaul.engine.log.StoreException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** What the spools of all machines take together, and may take. Safe from any thread. */
final class SpoolBudget {
    private final RelayLimits limits;
    private final AtomicLong usedBytes = new AtomicLong();

    SpoolBudget(RelayLimits limits) {
        this.limits = limits;
    }

    long usedBytes() {
        return usedBytes.get();
    }

    /** One machine's share. Owned by its loop. */
    final class Share {
        private long takenBytes;

        /** Null where the share may grow by so many bytes; else why not. */
        @Nullable
        StoreException refuse(long bytes) {
            if (takenBytes + bytes > limits.machineSpoolBytes()) {
                return new StoreException(StoreException.Kind.FULL, "this machine's spool holds " + takenBytes
                        + " of the " + limits.machineSpoolBytes()
                        + " bytes it may take; raise spool-limit-per-machine, or see why the master target lags");
            }
            long used = usedBytes.get();
            if (used + bytes > limits.totalSpoolBytes()) {
                return new StoreException(StoreException.Kind.FULL, "all spools together hold " + used + " of the "
                        + limits.totalSpoolBytes()
                        + " bytes they may take; raise spool-limit, or see which target lags");
            }
            return null;
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

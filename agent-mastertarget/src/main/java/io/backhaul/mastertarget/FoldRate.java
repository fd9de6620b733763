package io.backhaul.mastertarget;

/** How fast base disks were folded, flushes included, of late. Safe for any thread. */
final class FoldRate {
    private static final long ENOUGH_BYTES = 4L << 20;
    private static final long FORGET_BYTES = 4L << 30;

    private long bytes;
    private long nanos;

    /** So much has been written in so long. What was long ago counts for less. */
    synchronized void add(long doneBytes, long tookNanos) {
        bytes += doneBytes;
        nanos += tookNanos;
        if (bytes > FORGET_BYTES) {
            bytes /= 2;
            nanos /= 2;
        }
    }

    /** 0 where too little has been folded since the start to say so. */
    synchronized long bytesPerSecond() {
        return bytes < ENOUGH_BYTES ? 0 : (long) (bytes * 1e9 / Math.max(1, nanos));
    }
}

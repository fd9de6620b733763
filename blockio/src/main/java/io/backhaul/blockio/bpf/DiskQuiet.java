package io.backhaul.blockio.bpf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** Waits for writes that were under way before anybody counted them. */
public final class DiskQuiet {
    private static final Path SYSFS = Path.of("/sys/block");
    private static final long PAUSE_NANOS = 2_000_000;
    private static final int QUIET_LOOKS = 25;
    private static final long LIMIT_NANOS = 30_000_000_000L;

    private DiskQuiet() {}

    /**
     * Returns when each of these disks has had no write under way for a moment, or when half a minute is over: what began
     * before has ended then. Never on a loop.
     */
    public static void await(List<String> disks) throws IOException {
        long begun = System.nanoTime();
        for (String disk : disks) {
            int quiet = 0;
            while (quiet < QUIET_LOOKS && System.nanoTime() - begun < LIMIT_NANOS) {
                quiet = isQuiet(SYSFS.resolve(disk.replace('/', '!')).resolve("inflight")) ? quiet + 1 : 0;
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private static boolean isQuiet(Path inFlight) throws IOException {
        String[] readsAndWrites = Files.readString(inFlight).trim().split("\\s+", -1);
        return readsAndWrites.length > 1 && readsAndWrites[1].equals("0");
    }
}

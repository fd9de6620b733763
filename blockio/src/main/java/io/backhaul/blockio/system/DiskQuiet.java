package io.backhaul.blockio.system;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** Waits for writes that were under way before anybody counted them. */
final class DiskQuiet {
    private static final Path SYSFS = Path.of("/sys/block");
    private static final long PAUSE_NANOS = 2_000_000;
    private static final int QUIET_LOOKS = 25;

    private DiskQuiet() {}

    static boolean await(List<String> disks, long limitNanos) throws IOException {
        long begun = System.nanoTime();
        for (String disk : disks) {
            Path inFlight = SYSFS.resolve(disk.replace('/', '!')).resolve("inflight");
            for (int quiet = 0; quiet < QUIET_LOOKS; LockSupport.parkNanos(PAUSE_NANOS)) {
                quiet = isQuiet(inFlight) ? quiet + 1 : 0;
                if (System.nanoTime() - begun > limitNanos) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean isQuiet(Path inFlight) throws IOException {
        String[] readsAndWrites = Files.readString(inFlight).trim().split("\\s+", -1);
        return readsAndWrites.length > 1 && readsAndWrites[1].equals("0");
    }
}

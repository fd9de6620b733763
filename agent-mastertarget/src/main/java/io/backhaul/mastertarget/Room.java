package io.backhaul.mastertarget;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** How much room a file system has. */
record Room(long totalBytes, long freeBytes) {
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

    /** Of the file system that the folder is on, or will be. Blocks. */
    static Room of(Path folder) throws IOException {
        Path at = folder.toAbsolutePath();
        while (!Files.exists(at) && at.getParent() != null) {
            at = at.getParent();
        }
        FileStore store = Files.getFileStore(at);
        return new Room(store.getTotalSpace(), store.getUsableSpace());
    }

    double freePercent() {
        return totalBytes == 0 ? 0 : 100.0 * freeBytes / totalBytes;
    }

    /** A number of bytes for people. */
    static String shown(long bytes) {
        double shown = bytes;
        int unit = 0;
        while (shown >= 1024 && unit < UNITS.length - 1) {
            shown /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", shown, UNITS[unit]);
    }
}

package io.backhaul.blockio.system;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A quick look at one block device: cheap enough to be repeated.
 *
 * @param sizeBytes
 *            0 where the device has gone, or has no medium
 * @param sequence
 *            changes whenever the disk is detached and attached; 0 where the kernel does not count (before 5.15)
 */
public record DiskSighting(long sizeBytes, long sequence) {
    /** No such device. */
    public static final DiskSighting GONE = new DiskSighting(0, 0);

    private static final int UNIT_BYTES = 512;

    /** Whether the device is there. */
    public boolean isThere() {
        return sizeBytes > 0;
    }

    /**
     * Looks at the device of this number.
     *
     * @throws IOException
     *             where it goes in this very moment
     */
    public static DiskSighting of(SystemDevice.DeviceNumber number) throws IOException {
        return of(Path.of("/"), number);
    }

    static DiskSighting of(Path root, SystemDevice.DeviceNumber number) throws IOException {
        Path folder = root.resolve("sys/dev/block").resolve(number.toString());
        if (!Files.exists(folder.resolve("size"))) {
            return GONE;
        }
        Path real = folder.toRealPath();
        boolean isPart = Files.exists(real.resolve("partition"));
        Path counter = isPart ? real.resolveSibling("diskseq") : real.resolve("diskseq");
        long sequence = Files.exists(counter) ? Long.parseLong(Files.readString(counter).strip()) : 0;
        return new DiskSighting(Long.parseLong(Files.readString(real.resolve("size")).strip()) * UNIT_BYTES, sequence);
    }
}

package io.backhaul.blockio.system;

import io.backhaul.blockio.file.RawDevice;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * A number that is another one once a disk has been written to: of a file, when it was changed last; of a block device, how
 * much has been written to it since it appeared, in this boot. What is written to a device in another machine is unseen
 * only where the device has stayed here meanwhile, which no two machines should do.
 */
final class DiskSeal {
    /** It cannot be told. */
    private static final long NONE = 0;

    private static final int SECTORS_WRITTEN = 6;
    private static final int SECTORS_DISCARDED = 13;

    private DiskSeal() {}

    /**
     * The seal of a disk that nobody here has open for writing.
     *
     * @throws IOException
     *             where it is gone, or in use
     */
    static long of(Path path) throws IOException {
        return RawDevice.isBlockDevice(path) ? ofDevice(path)
                : Files.getLastModifiedTime(path).to(TimeUnit.NANOSECONDS);
    }

    private static long ofDevice(Path path) throws IOException {
        // What is in the device's cache only has not been counted.
        try (RawDevice device = RawDevice.open(path, false)) {
            device.flush();
        }
        var number = SystemDevice.DeviceNumber.ofStat((long) Files.getAttribute(path, "unix:rdev"));
        Path folder = Path.of("/sys/dev/block/" + number).toRealPath();
        Path whole = Files.exists(folder.resolve("partition")) ? folder.resolve("..").normalize() : folder;
        Path sequence = whole.resolve("diskseq");
        if (!Files.exists(sequence)) {
            return NONE;
        }
        String[] counts = Files.readString(folder.resolve("stat")).strip().split("\\s+", -1);
        String known = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")) + Files.readString(sequence)
                + count(counts, SECTORS_WRITTEN) + " " + count(counts, SECTORS_DISCARDED);
        return UUID.nameUUIDFromBytes(known.getBytes(StandardCharsets.UTF_8)).getMostSignificantBits();
    }

    private static String count(String[] counts, int index) {
        return index < counts.length ? counts[index] : "";
    }
}

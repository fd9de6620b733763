package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.DiskInfo;
import java.io.IOException;

/**
 * A protected disk.
 *
 * @param info
 *            its place in the stream; the size and sector size are the device's
 * @param path
 *            what operators call it
 * @param device
 *            the disk itself; only a capture writes to it, on behalf of its client
 */
public record SourceDisk(DiskInfo info, String path, BlockDevice device, Fingerprint fingerprint) {
    public SourceDisk {
        if (info.sizeBytes() != device.sizeBytes() || info.sectorSizeBytes() != device.sectorSizeBytes()) {
            throw new IllegalArgumentException(path + " is not as it was described: " + info);
        }
    }

    /** Tells whether someone else wrote to a disk between two moments. */
    @FunctionalInterface
    public interface Fingerprint {
        /** A text that is the same as long as nobody wrote; empty where that cannot be told. */
        String take() throws IOException;
    }
}

package io.backhaul.blockio;

import java.io.EOFException;
import java.io.IOException;

/** The checks that every device makes before it touches a byte. */
public final class DeviceRange {
    private DeviceRange() {}

    /** Throws unless the range lies inside the device. */
    public static void check(BlockDevice device, long offset, long lengthBytes) throws IOException {
        if (offset < 0 || lengthBytes < 0 || offset > device.sizeBytes() - lengthBytes) {
            throw new EOFException("bytes " + offset + " to " + (offset + lengthBytes) + " are not inside the disk of "
                    + device.sizeBytes() + " bytes");
        }
    }

    /** Throws unless the range lies inside the device and may be written. */
    public static void checkWritable(BlockDevice device, long offset, long lengthBytes) throws IOException {
        if (device.readOnly()) {
            throw new ReadOnlyDeviceException(device + " was opened read-only");
        }
        check(device, offset, lengthBytes);
    }
}

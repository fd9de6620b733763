package io.backhaul.blockio;

import java.io.IOException;

/** A write to a device that was opened read-only. */
public final class ReadOnlyDeviceException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Makes the exception with the device's name. */
    public ReadOnlyDeviceException(String message) {
        super(message);
    }
}

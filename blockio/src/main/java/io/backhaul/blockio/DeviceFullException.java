package io.backhaul.blockio;

import java.io.IOException;

/** There is no room left behind the device: a full file system, or a scratch limit that is reached. */
public final class DeviceFullException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Makes the exception with what was full and, where known, what to do. */
    public DeviceFullException(String message) {
        super(message);
    }
}

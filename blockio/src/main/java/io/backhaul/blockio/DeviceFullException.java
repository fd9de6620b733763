package io.backhaul.blockio;

import java.io.IOException;

/** There is no room left behind the device: a full file system, or a scratch limit that is reached. */
public final class DeviceFullException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Makes the exception with what was full and, where known, what to do. */
    public DeviceFullException(String message) {
        super(message);
    }

    /** The same failure with the place named, as a {@code DeviceFullException} if it was for want of room. */
    public static IOException orSame(String place, IOException failure) {
        String message = failure.getMessage();
        IOException named = message != null && (message.contains("No space left") || message.contains("quota exceeded"))
                ? new DeviceFullException(place + ": no space left")
                : new IOException(place + ": " + message, failure);
        if (named.getCause() == null) {
            named.initCause(failure);
        }
        return named;
    }
}

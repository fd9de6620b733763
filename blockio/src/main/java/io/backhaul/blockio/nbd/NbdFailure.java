package io.backhaul.blockio.nbd;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.ReadOnlyDeviceException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** A failure with the error number that NBD has for it: what a server told our client, or what ours tells a peer. */
final class NbdFailure extends IOException {
    private static final long serialVersionUID = 1L;
    private static final int TEXT_LIMIT_BYTES = 512;

    private final int code;

    NbdFailure(int code, String message) {
        super(message);
        this.code = code;
    }

    /** The error number to answer with, for whatever a device threw. */
    static int code(Throwable failure) {
        return switch (failure) {
            case NbdFailure known -> known.code;
            case ReadOnlyDeviceException readOnly -> NbdNumbers.EPERM;
            case DeviceFullException full -> NbdNumbers.ENOSPC;
            case EOFException outside -> NbdNumbers.EINVAL;
            case UnsupportedOperationException unsupported -> NbdNumbers.ENOTSUP;
            case OutOfMemoryError exhausted -> NbdNumbers.ENOMEM;
            default -> NbdNumbers.EIO;
        };
    }

    /** What our own devices throw for an error number of a server. */
    static IOException of(int code, String what, String text) {
        String said = text.isEmpty() ? name(code) : name(code) + ", " + text;
        String message = what + ": the server answered " + said;
        return switch (code) {
            case NbdNumbers.ENOSPC -> new DeviceFullException(message);
            case NbdNumbers.EPERM -> new ReadOnlyDeviceException(message);
            default -> new NbdFailure(code, message);
        };
    }

    /** The message as bytes for the wire, cut to a bound. */
    static byte[] text(Throwable failure) {
        String message = failure.getMessage();
        byte[] bytes = (message == null ? failure.getClass().getSimpleName() : message)
                .getBytes(StandardCharsets.UTF_8);
        if (bytes.length <= TEXT_LIMIT_BYTES) {
            return bytes;
        }
        int end = TEXT_LIMIT_BYTES;
        while (end > 0 && (bytes[end] & 0xC0) == 0x80) {
            end--;
        }
        return java.util.Arrays.copyOf(bytes, end);
    }

    private static String name(int code) {
        return switch (code) {
            case NbdNumbers.EPERM -> "EPERM";
            case NbdNumbers.EIO -> "EIO";
            case NbdNumbers.ENOMEM -> "ENOMEM";
            case NbdNumbers.EINVAL -> "EINVAL";
            case NbdNumbers.ENOSPC -> "ENOSPC";
            case NbdNumbers.EOVERFLOW -> "EOVERFLOW";
            case NbdNumbers.ENOTSUP -> "ENOTSUP";
            case NbdNumbers.ESHUTDOWN -> "ESHUTDOWN";
            default -> "error " + Integer.toUnsignedString(code);
        };
    }
}

package io.backhaul.engine.log;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.nio.file.FileSystemException;
import org.jspecify.annotations.Nullable;

/** A log could not do what it was asked; the message names the file and what to do. */
public final class StoreException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What kind of trouble it is. */
    public enum Kind {
        /** No room left. */
        FULL(FaultCode.STORE_FULL),
        /** The volume failed. */
        FAILED(FaultCode.STORE_FAILED),
        /** What is stored does not match its checksum or its neighbours. */
        CORRUPT(FaultCode.STORE_CORRUPT),
        /** Written in a format that is not read any more. */
        TOO_OLD(FaultCode.VERSION_MISMATCH),
        /** Written in a format of a later version. */
        TOO_NEW(FaultCode.VERSION_MISMATCH),
        /** Belongs to another machine or is another kind of log. */
        FOREIGN(FaultCode.STORE_FAILED);

        private final FaultCode code;

        Kind(FaultCode code) {
            this.code = code;
        }
    }

    private final Kind kind;
    private final long segment;

    public StoreException(Kind kind, String message) {
        this(kind, message, null);
    }

    public StoreException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
        this.segment = 0;
    }

    private StoreException(String message, long segment) {
        super(message);
        this.kind = Kind.CORRUPT;
        this.segment = segment;
    }

    /** Corruption of a segment as a whole. */
    static StoreException corrupt(long segment, String message) {
        return new StoreException(message, segment);
    }

    /** The segment that cannot be used, where opening a log failed for it; else 0. */
    long segment() {
        return segment;
    }

    /** Gives an error of the operating system its kind and says what was being done. */
    public static StoreException of(IOException cause, String doing) {
        if (cause instanceof StoreException already) {
            return already;
        }
        Kind kind = isFull(cause) ? Kind.FULL : Kind.FAILED;
        return new StoreException(kind, doing + ": " + cause.getMessage(), cause);
    }

    private static boolean isFull(Throwable cause) {
        for (Throwable each = cause; each != null; each = each.getCause()) {
            String text = each instanceof FileSystemException named ? named.getReason() : each.getMessage();
            if (each instanceof DeviceFullException || (text != null && text.startsWith("No space left"))) {
                return true;
            }
        }
        return false;
    }

    public Kind kind() {
        return kind;
    }

    /** The stable code that status and peers are told. */
    public FaultCode code() {
        return kind.code;
    }
}

package io.backhaul.protocol;

import org.jspecify.annotations.Nullable;

/** Every kind of frame. Stream frames have positions and lie in spool and journal; control frames live on one link only. */
public enum FrameType {
    /** Sender's greeting: versions, machine, generation. */
    HELLO(1, false),
    /** Receiver's answer: version, where to go on, first credit. */
    WELCOME(2, false),
    /** Receiver's or sender's last word: a stable code and a sentence. */
    REFUSAL(3, false),
    /** How far the stream has come downstream. */
    POSITIONS(4, false),
    /** More bytes of stream frames may be sent. */
    CREDIT(5, false),
    /** Are you there? */
    PING(6, false),
    /** Yes. */
    PONG(7, false),
    /** The source asks what the master target holds. */
    DIGEST_REQUEST(8, false),
    /** The master target's answer. */
    DIGESTS(9, false),
    /** The receiver asks to have blocks sent again that it can no longer give back. */
    RESEND(10, false),
    /** First frame of a generation: basis, fidelity, disks. */
    GENERATION(32, true),
    /** Fidelity of what follows. */
    FIDELITY(33, true),
    /** A named recovery point. */
    MARK(34, true),
    /** A batch of writes and zero extents. */
    WRITES(35, true);

    private final int code;
    private final boolean stream;

    FrameType(int code, boolean stream) {
        this.code = code;
        this.stream = stream;
    }

    /** The byte in the header. */
    public int code() {
        return code;
    }

    /** Whether frames of this type carry positions, use credit and are kept. */
    public boolean isStream() {
        return stream;
    }

    /** The longest body that a frame of this type may have. */
    public int maxBodyBytes() {
        return this == WRITES ? Limits.MAX_WRITES_BODY_BYTES : Limits.MAX_CONTROL_BODY_BYTES;
    }

    static @Nullable FrameType ofCode(int code) {
        return switch (code) {
            case 1 -> HELLO;
            case 2 -> WELCOME;
            case 3 -> REFUSAL;
            case 4 -> POSITIONS;
            case 5 -> CREDIT;
            case 6 -> PING;
            case 7 -> PONG;
            case 8 -> DIGEST_REQUEST;
            case 9 -> DIGESTS;
            case 10 -> RESEND;
            case 32 -> GENERATION;
            case 33 -> FIDELITY;
            case 34 -> MARK;
            case 35 -> WRITES;
            default -> null;
        };
    }
}

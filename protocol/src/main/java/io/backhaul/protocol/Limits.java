package io.backhaul.protocol;

/** The bounds that every frame keeps; a frame beyond one is refused before any memory is taken for it. */
public final class Limits {
    /** The version of the frame format and of the dialogue, in every header and in the handshake. */
    public static final int VERSION = 1;
    /** The body of a WRITES frame: table and payload. */
    public static final int MAX_WRITES_BODY_BYTES = 4 << 20;
    /** The payload of a WRITES frame before compression. */
    public static final int MAX_PLAIN_PAYLOAD_BYTES = 4 << 20;
    /** The body of every other frame. */
    public static final int MAX_CONTROL_BODY_BYTES = 128 << 10;
    /** Records in one WRITES frame. */
    public static final int MAX_RECORDS = 16_384;
    /** Payload bytes of one data extent; longer writes are split by the source. */
    public static final int MAX_DATA_EXTENT_BYTES = 1 << 20;
    /** Length of one zero extent. */
    public static final int MAX_ZERO_EXTENT_BYTES = 1 << 30;
    /** Disks of one machine. */
    public static final int MAX_DISKS = 256;
    /** UTF-8 bytes of a label, a name or a stable id. */
    public static final int MAX_TEXT_BYTES = 255;
    /** UTF-8 bytes of the explanation in a refusal. */
    public static final int MAX_REFUSAL_TEXT_BYTES = 1024;
    /** Digests in one answer. */
    public static final int MAX_DIGESTS = 4096;
    /** Extents that may be asked for again at a time. */
    public static final int MAX_RESEND_EXTENTS = 4096;
    /** Bytes of one digest: SHA-256, cut to its first 16 bytes. */
    public static final int DIGEST_BYTES = 16;
    /** The largest frame there can be, header included; a receiver's first credit is at least this. */
    public static final int MAX_FRAME_BYTES = FrameHeader.LENGTH_BYTES + MAX_WRITES_BODY_BYTES;

    private Limits() {}
}

package io.backhaul.protocol;

/** What a decoder found where a frame should be. */
public sealed interface Decoded {
    /** A whole frame, both checksums right. The receiver of this owns the frame. */
    record Intact(Frame frame) implements Decoded {}

    /**
     * The header can be trusted, the body cannot: its checksum does not match. Decoding can go on behind it.
     *
     * @param lengthBytes
     *            header and body
     */
    record Damaged(FrameType type, Position first, Position last, int lengthBytes) implements Decoded {}

    /** The header cannot be trusted, so nothing behind it can be found. Decoding has ended. */
    record Lost(String why) implements Decoded {}
}

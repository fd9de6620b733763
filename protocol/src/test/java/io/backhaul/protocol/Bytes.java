package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.stream.Collectors;

/** Bytes of frames for tests: out of files, out of frames, and made right again after they have been tampered with. */
final class Bytes {
    private Bytes() {}

    /** Reads a file of hexadecimal bytes, with comments behind {@code #}. */
    static byte[] golden(String name) {
        try (InputStream in = Bytes.class.getResourceAsStream("/golden/" + name + ".hex")) {
            if (in == null) {
                throw new IllegalArgumentException("no golden bytes for " + name);
            }
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return HexFormat.of().parseHex(text.lines().map(line -> line.replaceFirst("#.*", "").replace(" ", ""))
                    .collect(Collectors.joining()));
        } catch (IOException unreadable) {
            throw new IllegalStateException(unreadable);
        }
    }

    /** Copies a frame's bytes and releases it. */
    static byte[] of(Frame frame) {
        byte[] bytes = ByteBufUtil.getBytes(frame.bytes());
        frame.release();
        return bytes;
    }

    /** Makes length and both checksums of a frame right, whatever else it holds. */
    static byte[] seal(byte[] frame) {
        ByteBuf bytes = Unpooled.wrappedBuffer(frame);
        int bodyLength = frame.length - FrameHeader.LENGTH_BYTES;
        bytes.setIntLE(FrameHeader.BODY_LENGTH_OFFSET, bodyLength);
        bytes.setIntLE(FrameHeader.BODY_CRC_OFFSET, FrameHeader.crc(bytes, FrameHeader.LENGTH_BYTES, bodyLength));
        return sealHeader(frame);
    }

    /** Makes the header's checksum right. */
    static byte[] sealHeader(byte[] frame) {
        ByteBuf bytes = Unpooled.wrappedBuffer(frame);
        bytes.setIntLE(FrameHeader.HEADER_CRC_OFFSET, FrameHeader.crc(bytes, 0, FrameHeader.HEADER_CRC_OFFSET));
        return frame;
    }
}

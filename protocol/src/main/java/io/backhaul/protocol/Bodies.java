package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** The few shapes that bodies share: texts with a length in front, positions, ids; all checked against what is left. */
final class Bodies {
    private static final int ELLIPSIS_BYTES = 3;

    private Bodies() {}

    /** Something that reads a body and may find it malformed. */
    @FunctionalInterface
    interface Reader<T> {
        T read(ByteBuf body) throws MalformedBodyException;
    }

    /** Reads a whole body: bytes missing or left over are as wrong as a bad value. */
    static <T> T whole(Frame frame, FrameType expected, Reader<T> reader) throws MalformedBodyException {
        if (frame.type() != expected) {
            throw new MalformedBodyException(frame.type() + " where " + expected + " was to be read");
        }
        ByteBuf body = frame.body();
        try {
            T read = reader.read(body);
            if (body.isReadable()) {
                throw new MalformedBodyException(body.readableBytes() + " bytes too many in " + expected);
            }
            return read;
        } catch (IndexOutOfBoundsException tooShort) {
            throw new MalformedBodyException(expected + " ends too early");
        } catch (IllegalArgumentException refused) {
            throw new MalformedBodyException(expected + ": " + refused.getMessage());
        }
    }

    static void writeText(ByteBuf body, String text, int maxBytes) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > maxBytes) {
            throw new IllegalArgumentException("text of " + bytes.length + " bytes, at most " + maxBytes);
        }
        body.writeShortLE(bytes.length).writeBytes(bytes);
    }

    /** A text that fits, cut between characters where it must be. */
    static String shortened(String text, int maxBytes) {
        if (text.getBytes(StandardCharsets.UTF_8).length <= maxBytes) {
            return text;
        }
        String cut = text.substring(0, Math.min(text.length(), maxBytes));
        while (cut.getBytes(StandardCharsets.UTF_8).length + ELLIPSIS_BYTES > maxBytes) {
            cut = cut.substring(0, cut.offsetByCodePoints(cut.length(), -1));
        }
        return cut + "…";
    }

    static String readText(ByteBuf body, int maxBytes) throws MalformedBodyException {
        int length = body.readUnsignedShortLE();
        if (length > maxBytes || length > body.readableBytes()) {
            throw new MalformedBodyException("text of " + length + " bytes");
        }
        byte[] bytes = new byte[length];
        body.readBytes(bytes);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException notText) {
            throw new MalformedBodyException("text is not UTF-8");
        }
    }

    static void writePosition(ByteBuf body, Position position) {
        body.writeLongLE(position.generation()).writeLongLE(position.sequence());
    }

    static Position readPosition(ByteBuf body) {
        return new Position(body.readLongLE(), body.readLongLE());
    }

    static void writeId(ByteBuf body, UUID id) {
        body.writeLong(id.getMostSignificantBits()).writeLong(id.getLeastSignificantBits());
    }

    static UUID readId(ByteBuf body) {
        return new UUID(body.readLong(), body.readLong());
    }
}

package io.backhaul.blockio.nbd;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Reads a connection through one large buffer, so that many small messages cost one call. Used by one thread, which may
 * look at buffered bytes in place.
 */
final class NbdInput {
    private final ByteBuffer buffer;
    private final ByteBuffer[] one;
    private final ByteBuffer[] two = new ByteBuffer[2];
    private NbdSocket socket;

    NbdInput(NbdSocket socket, int bufferBytes) {
        this.socket = socket;
        this.buffer = ByteBuffer.allocateDirect(bufferBytes).flip();
        this.one = new ByteBuffer[]{buffer};
    }

    /** Goes on with another socket, as after STARTTLS. */
    void replace(NbdSocket next) throws IOException {
        if (buffer.hasRemaining()) {
            throw new ProtocolBreach("bytes were sent ahead of the TLS handshake");
        }
        socket = next;
    }

    /** How many bytes can be had without waiting for the peer. */
    int buffered() {
        return buffer.remaining();
    }

    /** Waits until so many bytes are buffered; false if the peer ended instead, at the start of a message. */
    boolean await(int count) throws IOException {
        if (buffer.remaining() >= count) {
            return true;
        }
        makeRoom(count);
        int start = buffer.position();
        int end = buffer.limit();
        while (end - start < count) {
            buffer.limit(buffer.capacity()).position(end);
            long read;
            try {
                read = socket.read(one);
            } finally {
                end = buffer.position();
                buffer.limit(end).position(start);
            }
            if (read < 0) {
                if (end == start) {
                    return false;
                }
                throw new EOFException("the connection ended inside a message");
            }
        }
        return true;
    }

    /** As {@link #await}, where the end of the connection is a failure. */
    void need(int count) throws IOException {
        if (!await(count)) {
            throw new EOFException("the connection ended");
        }
    }

    int getUnsignedShort() {
        return Short.toUnsignedInt(buffer.getShort());
    }

    int getInt() {
        return buffer.getInt();
    }

    long getLong() {
        return buffer.getLong();
    }

    /** Needs and takes an int, as in a handshake. */
    int nextInt() throws IOException {
        need(Integer.BYTES);
        return buffer.getInt();
    }

    /** Needs and takes a long. */
    long nextLong() throws IOException {
        need(Long.BYTES);
        return buffer.getLong();
    }

    /** Takes bytes that are buffered, in place: valid until the next call of another method. */
    ByteBuffer takeInPlace(int count) {
        ByteBuffer view = buffer.slice(buffer.position(), count);
        buffer.position(buffer.position() + count);
        return view;
    }

    /** Fills the target; what follows it in the stream may be buffered on the way. */
    void readFully(ByteBuffer target) throws IOException {
        int copied = Math.min(buffer.remaining(), target.remaining());
        target.put(target.position(), buffer, buffer.position(), copied);
        target.position(target.position() + copied);
        buffer.position(buffer.position() + copied);
        if (!target.hasRemaining()) {
            return;
        }
        buffer.clear();
        two[0] = target;
        two[1] = buffer;
        try {
            while (target.hasRemaining()) {
                if (socket.read(two) < 0) {
                    throw new EOFException("the connection ended inside a payload");
                }
            }
        } finally {
            buffer.flip();
            two[0] = buffer;
        }
    }

    /** Reads so many bytes into a new array; the caller has checked the count against a limit. */
    byte[] bytes(int count) throws IOException {
        byte[] bytes = new byte[count];
        readFully(ByteBuffer.wrap(bytes));
        return bytes;
    }

    /** Throws so many bytes away. */
    void skip(long count) throws IOException {
        long left = count;
        while (left > 0) {
            need(1);
            int step = (int) Math.min(left, buffer.remaining());
            buffer.position(buffer.position() + step);
            left -= step;
        }
    }

    private void makeRoom(int count) {
        if (count > buffer.capacity()) {
            throw new IllegalArgumentException(count + " bytes are more than the buffer of " + buffer.capacity());
        }
        if (!buffer.hasRemaining()) {
            buffer.clear().flip();
        } else if (buffer.capacity() - buffer.position() < Math.max(count, buffer.capacity() / 2)) {
            buffer.compact().flip();
        }
    }
}

package io.backhaul.blockio.nbd;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One request of a client.
 *
 * @param buffer   the payload of a write; room for the reply of a read or block status; null otherwise
 * @param borrowed true if the buffer is to be given back, false if it is a view that ends with the call
 */
record Request(int type, int flags, long cookie, long offset, long length, @Nullable ByteBuffer buffer,
        boolean borrowed) {
    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    ByteBuffer room() {
        if (buffer == null) {
            throw new IllegalStateException("a request of type " + type + " has no buffer");
        }
        return buffer;
    }
}

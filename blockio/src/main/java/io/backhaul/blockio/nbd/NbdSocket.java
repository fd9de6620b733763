package io.backhaul.blockio.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A connection as a stream of bytes, plain or TLS. One thread reads and, at the same time, one writes; any thread may
 * close, which makes both fail.
 */
interface NbdSocket extends AutoCloseable {
    /** Reads what is there, at least a byte, into the targets one behind the other; -1 at the end. Blocks. */
    long read(ByteBuffer[] targets) throws IOException;

    /** Writes all of the first {@code count} buffers. Blocks. */
    void write(ByteBuffer[] sources, int count) throws IOException;

    /** Makes the reader see the end, now and from now on; writing goes on. */
    void endInput();

    @Override
    void close();
}

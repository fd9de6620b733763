package io.backhaul.blockio.volume;

import java.io.IOException;

/**
 * A range of a {@link StoredFile} seen as memory, for small maps that are changed in place. A change survives the
 * process at once and the machine only after {@link #force()}. Numbers are little-endian; offsets are relative to the
 * region's start and those of longs multiples of 8. All access is checked against the bounds. The atomic methods order
 * as volatile accesses do; the plain ones do not.
 */
public interface MappedRegion extends AutoCloseable {
    /** The length in bytes. */
    long lengthBytes();

    /** One byte. */
    byte getByte(long offset);

    /** Sets one byte. */
    void putByte(long offset, byte value);

    /** Eight bytes. */
    long getLong(long offset);

    /** Sets eight bytes. */
    void putLong(long offset, long value);

    /** Sets the bits of the mask atomically and returns what was there before. */
    long getAndSetBits(long offset, long mask);

    /** Clears the bits of the mask atomically and returns what was there before. */
    long getAndClearBits(long offset, long mask);

    /** Returns when all changes made before the call are durable. */
    void force() throws IOException;

    /** Unmaps; later access throws {@link IllegalStateException}. Does not force. */
    @Override
    void close();
}

package io.backhaul.blockio.volume;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A file of a {@link Volume}, open for reading and writing. May be called from several threads.
 * <p>
 * A write, truncation or sync that fails poisons the file: what is durable is then unknown, so every later write,
 * truncation and sync of this open file fails too, with the first failure as the cause. Reads still work. The cure is
 * to close it, open it again and look at what is there.
 */
public interface StoredFile extends AutoCloseable {
    /** The length in bytes: the end of the last byte written, or what {@link #truncate} set. */
    long length() throws IOException;

    /** Writes all remaining bytes; a gap to the old end reads as zeroes. */
    void write(long offset, ByteBuffer source) throws IOException;

    /** Writes all remaining bytes of the sources one behind the other. */
    void write(long offset, ByteBuffer[] sources) throws IOException;

    /** Makes the range read as zeroes, as far as the file reaches; its length stays, and so does the room that it takes. */
    default void zero(long offset, long lengthBytes) throws IOException {
        ByteBuffer zeroes = ByteBuffer.allocate((int) Math.min(lengthBytes, 64 << 10));
        long end = Math.min(length(), offset + lengthBytes);
        for (long at = offset; at < end; at += zeroes.capacity()) {
            write(at, zeroes.clear().limit((int) Math.min(zeroes.capacity(), end - at)));
        }
    }

    /** Reads up to {@code target.remaining()} bytes and returns how many; -1 at or behind the end. */
    int read(long offset, ByteBuffer target) throws IOException;

    /** Reads until the target is full or the file ends: its position tells how far. */
    default void fill(long offset, ByteBuffer target) throws IOException {
        int start = target.position();
        while (target.hasRemaining() && read(offset + target.position() - start, target) > 0) {
            // A read may end early.
        }
    }

    /** Makes what was written, and the length, durable. */
    void sync() throws IOException;

    /** Sets the length: cuts the file off, or extends it with zeroes. */
    void truncate(long lengthBytes) throws IOException;

    /**
     * Reserves space for the first so many bytes, so that writing there cannot run out of room. {@link #length()} does
     * not change. Where the file system cannot do that, nothing happens.
     */
    void preallocate(long lengthBytes) throws IOException;

    /**
     * Maps a range of the file, which is extended to the end of the range if it is shorter.
     *
     * @param offset      a multiple of 8
     * @param lengthBytes a multiple of 8
     */
    MappedRegion map(long offset, long lengthBytes) throws IOException;

    /** Closes the file. Does not sync. Closing twice is harmless. */
    @Override
    void close() throws IOException;
}

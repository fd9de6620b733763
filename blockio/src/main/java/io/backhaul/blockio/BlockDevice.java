package io.backhaul.blockio;

import io.backhaul.protocol.Zeroes;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * What a disk is: a fixed number of bytes that can be read, written, zeroed and made durable.
 * <p>
 * Offsets and lengths are bytes and need not be aligned to sectors; a device that needs alignment does it itself.
 * Every method may be called from several threads at once. Calls that overlap in bytes and in time have no order among
 * each other; a call that starts after another has returned sees its effect. Nothing but {@link #flush()} makes
 * anything durable.
 * <p>
 * Threads that call a device must not be interrupted: an interrupt may close the files behind it.
 */
public interface BlockDevice extends AutoCloseable {
    /** The size in bytes, constant while the device is open. */
    long sizeBytes();

    /** The logical sector size in bytes, 512 or 4096. */
    int sectorSizeBytes();

    /** True if {@link #write} and {@link #zero} are refused. */
    boolean readOnly();

    /**
     * Fills the target: exactly {@code target.remaining()} bytes from the offset.
     *
     * @throws java.io.EOFException if the range is not inside the device; the target's position is then unchanged
     * @throws IOException          if the device fails
     */
    void read(long offset, ByteBuffer target) throws IOException;

    /**
     * Writes all of {@code source.remaining()} bytes.
     *
     * @throws java.io.EOFException if the range is not inside the device
     * @throws DeviceFullException  if what is behind the device has no room left
     * @throws IOException          if the device fails or is read-only
     */
    void write(long offset, ByteBuffer source) throws IOException;

    /**
     * Makes the range read as zeroes, and gives the space behind it back where the device can do that.
     *
     * @throws java.io.EOFException if the range is not inside the device
     * @throws IOException          if the device fails or is read-only
     */
    void zero(long offset, long lengthBytes) throws IOException;

    /** True if {@link #zero} is faster than writing zeroes would be. */
    default boolean zeroIsFast() {
        return true;
    }

    /** Returns when everything that was written and zeroed before the call is durable. */
    void flush() throws IOException;

    /**
     * Walks the range in runs, in rising order, without gaps or overlaps, from {@code offset} to exactly
     * {@code offset + lengthBytes}. A run with {@code zero == true} reads as zeroes, as a rule because nothing is allocated
     * there; one with {@code zero == false} may hold anything, also zeroes. Neighbouring runs may be of the same kind.
     *
     * @throws java.io.EOFException if the range is not inside the device
     */
    void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException;

    /**
     * Fills the target as {@link #read} does; what is known to read as zeroes is not read.
     *
     * @throws java.io.EOFException if the range is not inside the device
     */
    default void readHolding(long offset, ByteBuffer target) throws IOException {
        int start = target.position();
        extents(offset, target.remaining(), (at, lengthBytes, zero) -> {
            ByteBuffer part = target.slice(start + (int) (at - offset), (int) lengthBytes);
            if (zero) {
                Zeroes.fill(part);
            } else {
                read(at, part);
            }
        });
        target.position(target.limit());
    }

    /**
     * How many bytes from {@code offset} on are known to read as zeroes.
     *
     * @throws java.io.EOFException if the range is not inside the device
     */
    default long zeroRun(long offset, long lengthBytes) throws IOException {
        long[] end = {offset};
        boolean[] ended = {false};
        extents(offset, lengthBytes, (at, length, zero) -> {
            ended[0] |= !zero;
            end[0] = ended[0] ? end[0] : at + length;
        });
        return end[0] - offset;
    }

    /** Releases what is behind the device. Does not flush. Closing twice is harmless. */
    @Override
    void close() throws IOException;

    /** Is told one run of bytes after another. */
    @FunctionalInterface
    interface ExtentVisitor {
        /** One run: {@code zero} if it is known to read as zeroes. */
        void extent(long offset, long lengthBytes, boolean zero) throws IOException;
    }
}

package io.backhaul.blockio.file;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceRange;
import io.backhaul.blockio.ReadOnlyDeviceException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A block device read past the page cache. A mounted file system writes its files to the device without a word to the
 * device's own cache, so that only a direct read tells what is on it.
 */
final class DirectDevice implements BlockDevice {
    private static final int ALIGNMENT_BYTES = 4096;
    private static final int PIECE_BYTES = 1 << 20;

    private final RawDevice plain;
    private final Path path;
    private final NativeFile file;
    private final ConcurrentLinkedQueue<ByteBuffer> pieces = new ConcurrentLinkedQueue<>();

    private DirectDevice(RawDevice plain, Path path, NativeFile file) {
        this.plain = plain;
        this.path = path;
        this.file = file;
    }

    static DirectDevice open(Path path) throws IOException {
        RawDevice plain = RawDevice.open(path, true);
        try {
            return new DirectDevice(plain, path, NativeFile.openDirect(path));
        } catch (IOException refused) {
            plain.close();
            throw refused;
        }
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        DeviceRange.check(this, offset, target.remaining());
        ByteBuffer taken = pieces.poll();
        ByteBuffer piece = taken == null
                ? ByteBuffer.allocateDirect(PIECE_BYTES + ALIGNMENT_BYTES).alignedSlice(ALIGNMENT_BYTES)
                : taken;
        try {
            long next = offset;
            while (target.hasRemaining()) {
                int skipped = (int) (next % ALIGNMENT_BYTES);
                int wanted = Math.min(target.remaining(), PIECE_BYTES - skipped);
                fill(next - skipped, skipped + wanted, piece);
                target.put(piece.slice(skipped, wanted));
                next += wanted;
            }
        } finally {
            pieces.add(piece);
        }
    }

    /** Reads so many bytes, and what is needed beyond them to end aligned, where the device does not end before. */
    private void fill(long start, int neededBytes, ByteBuffer piece) throws IOException {
        int whole = (neededBytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        piece.clear().limit(whole);
        while (piece.position() < neededBytes) {
            int count = file.read(start + piece.position(), piece);
            if (count <= 0) {
                throw new EOFException(path + " was cut off at byte " + (start + piece.position())
                        + " while it was in use");
            }
            // A read that came back short in the middle begins again where it is aligned.
            if (piece.position() < neededBytes) {
                piece.position(piece.position() / ALIGNMENT_BYTES * ALIGNMENT_BYTES);
            }
        }
    }

    @Override
    public long sizeBytes() {
        return plain.sizeBytes();
    }

    @Override
    public int sectorSizeBytes() {
        return plain.sectorSizeBytes();
    }

    @Override
    public boolean readOnly() {
        return true;
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        throw new ReadOnlyDeviceException(path.toString());
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        throw new ReadOnlyDeviceException(path.toString());
    }

    @Override
    public void flush() {}

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        plain.extents(offset, lengthBytes, visitor);
    }

    @Override
    public void close() throws IOException {
        file.close();
        plain.close();
    }

    @Override
    public String toString() {
        return path.toString();
    }
}

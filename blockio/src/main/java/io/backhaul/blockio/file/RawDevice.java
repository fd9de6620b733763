package io.backhaul.blockio.file;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.DeviceRange;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A raw file or a block device of Linux as a disk. Zeroing punches holes in a file and zeroes sectors of a device; where
 * neither works it writes zeroes. A thick file keeps its room when it is zeroed. Holes are told truthfully for files; a block device counts as all data. A flush that
 * failed makes every later flush fail: what is durable is then unknown.
 */
public final class RawDevice implements BlockDevice {
    /** The sector size of disks that live in files. */
    public static final int FILE_SECTOR_SIZE_BYTES = 512;
    private static final int ZERO_CHUNK_BYTES = 1 << 20;
    private static final int FILE_TYPE_MASK = 0xF000;
    private static final int FILE_TYPE_BLOCK = 0x6000;
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(ZERO_CHUNK_BYTES).asReadOnlyBuffer();

    private final Path path;
    private final FileChannel channel;
    private final @Nullable NativeFile calls;
    private final boolean blockDevice;
    private final boolean readOnly;
    private final long sizeBytes;
    private final int sectorSizeBytes;
    private final Preallocation preallocation;
    private volatile boolean canPunch;
    private volatile boolean canZeroOut;
    private volatile @Nullable IOException flushFailure;

    /** Whether a disk that lies in a file has all its room from the beginning. */
    public enum Preallocation {
        /** Room is taken when it is written to, and given back when it is zeroed. */
        THIN,
        /** Room for every byte is reserved before the first is written, and kept: writing cannot run out of it. */
        THICK
    }

    /** How it is opened. */
    private record Mode(boolean blockDevice, boolean readOnly, Preallocation preallocation) {}

    private RawDevice(Path path, FileChannel channel, @Nullable NativeFile calls, Mode mode) throws IOException {
        this.path = path;
        this.channel = channel;
        this.calls = calls;
        this.blockDevice = mode.blockDevice;
        this.readOnly = mode.readOnly;
        this.preallocation = mode.preallocation;
        this.sizeBytes = blockDevice && calls != null ? calls.blockDeviceSizeBytes() : channel.size();
        this.sectorSizeBytes = blockDevice && calls != null ? calls.blockDeviceSectorSizeBytes()
                : FILE_SECTOR_SIZE_BYTES;
        this.canPunch = calls != null;
        this.canZeroOut = calls != null && blockDevice;
    }

    /** Opens an existing raw file or block device. A block device that is mounted is not opened for writing. */
    public static RawDevice open(Path path, boolean readOnly) throws IOException {
        return open(path, readOnly, Preallocation.THIN);
    }

    /** As {@link #open(Path, boolean)}; the room of a thick file is kept when it is zeroed. */
    public static RawDevice open(Path path, boolean readOnly, Preallocation preallocation) throws IOException {
        boolean blockDevice = isBlockDevice(path);
        if (!blockDevice && !Files.isRegularFile(path)) {
            throw new IOException(path + " is neither a file nor a block device");
        }
        NativeFile calls = NativeFile.available() ? NativeFile.open(path, !readOnly, blockDevice && !readOnly) : null;
        try {
            Set<StandardOpenOption> options = readOnly
                    ? Set.of(StandardOpenOption.READ)
                    : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
            FileChannel channel = FileChannel.open(path, options);
            try {
                return new RawDevice(path, channel, calls, new Mode(blockDevice, readOnly, preallocation));
            } catch (IOException | RuntimeException failure) {
                channel.close();
                throw failure;
            }
        } catch (IOException | RuntimeException failure) {
            if (calls != null) {
                calls.close();
            }
            throw failure;
        }
    }

    /**
     * Opens a block device or file to read what is on it now, past the page cache: the way to read a device whose file system
     * is mounted. Never written.
     */
    public static BlockDevice openDirect(Path path) throws IOException {
        return DirectDevice.open(path);
    }

    /** Makes a file of that size that is all hole, and opens it for writing. It must not exist. */
    public static RawDevice create(Path path, long sizeBytes) throws IOException {
        return create(path, sizeBytes, Preallocation.THIN);
    }

    /**
     * Makes a file of that size that reads as zeroes, and opens it for writing. It must not exist; where it cannot be made there
     * is nothing of it.
     *
     * @throws DeviceFullException if it is to be thick and there is no room for it
     */
    public static RawDevice create(Path path, long sizeBytes, Preallocation preallocation) throws IOException {
        if (sizeBytes <= 0) {
            throw new IOException(path + ": a disk cannot have " + sizeBytes + " bytes");
        }
        Files.createFile(path);
        try {
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(sizeBytes);
                file.getFD().sync();
            }
            return preallocation == Preallocation.THICK ? reserved(path) : open(path, false);
        } catch (IOException failure) {
            Files.deleteIfExists(path);
            if (failure instanceof DeviceFullException) {
                throw failure;
            }
            throw new IOException(path + ": cannot make a disk of " + sizeBytes + " bytes: " + failure.getMessage(),
                    failure);
        }
    }

    private static RawDevice reserved(Path path) throws IOException {
        RawDevice device = open(path, false, Preallocation.THICK);
        try {
            device.reserve();
            return device;
        } catch (IOException failure) {
            device.close();
            throw failure;
        }
    }

    /**
     * Reserves, durably, the room of a file for every byte of it; what it holds stays.
     *
     * @throws DeviceFullException if there is not so much
     */
    public void reserve() throws IOException {
        if (calls == null || !calls.preallocate(sizeBytes)) {
            throw new IOException(path + ": its file system cannot reserve room; use preallocation = thin");
        }
        channel.force(true);
    }

    /** What a file takes on its file system: less than its length where it has holes. A device takes nothing. */
    public static long allocatedBytes(Path path) throws IOException {
        if (isBlockDevice(path)) {
            return 0;
        }
        return NativeFile.available() ? NativeFile.allocatedBytes(path) : Files.size(path);
    }

    /** True if the path, links followed, is a block device. */
    public static boolean isBlockDevice(Path path) throws IOException {
        if (!Files.exists(path, new LinkOption[0])) {
            throw new NoSuchFileException(path.toString(), null, "there is no such file or device");
        }
        if (!NativeFile.available()) {
            return false;
        }
        int mode = (int) Files.getAttribute(path, "unix:mode");
        return (mode & FILE_TYPE_MASK) == FILE_TYPE_BLOCK;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int sectorSizeBytes() {
        return sectorSizeBytes;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        DeviceRange.check(this, offset, target.remaining());
        long next = offset;
        while (target.hasRemaining()) {
            int count = channel.read(target, next);
            if (count < 0) {
                throw new EOFException(path + " was cut off at byte " + channel.size() + " while it was in use");
            }
            next += count;
        }
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        DeviceRange.checkWritable(this, offset, source.remaining());
        long next = offset;
        try {
            while (source.hasRemaining()) {
                next += channel.write(source, next);
            }
        } catch (IOException failure) {
            throw DeviceFullException.orSame(path.toString(), failure);
        }
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        DeviceRange.checkWritable(this, offset, lengthBytes);
        if (lengthBytes == 0) {
            return;
        }
        if (!blockDevice) {
            if (preallocation == Preallocation.THICK ? !zeroRange(offset, lengthBytes) : !punch(offset, lengthBytes)) {
                writeZeroes(offset, lengthBytes);
            }
            return;
        }
        long mask = sectorSizeBytes - 1L;
        long start = (offset + mask) & ~mask;
        long end = (offset + lengthBytes) & ~mask;
        if (start >= end) {
            writeZeroes(offset, lengthBytes);
            return;
        }
        writeZeroes(offset, start - offset);
        if (!punch(start, end - start) && !zeroOut(start, end - start)) {
            writeZeroes(start, end - start);
        }
        writeZeroes(end, offset + lengthBytes - end);
    }

    @Override
    public boolean zeroIsFast() {
        return canPunch;
    }

    @Override
    public void flush() throws IOException {
        IOException earlier = flushFailure;
        if (earlier != null) {
            throw new IOException(
                    path + ": an earlier flush failed, what is durable is unknown: " + earlier.getMessage(), earlier);
        }
        if (readOnly) {
            return;
        }
        try {
            channel.force(false);
        } catch (IOException failure) {
            flushFailure = failure;
            throw DeviceFullException.orSame(path.toString(), failure);
        }
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        DeviceRange.check(this, offset, lengthBytes);
        if (blockDevice || calls == null) {
            if (lengthBytes > 0) {
                visitor.extent(offset, lengthBytes, false);
            }
            return;
        }
        long end = offset + lengthBytes;
        long next = offset;
        while (next < end) {
            long data = calls.nextData(next);
            long dataStart = data < 0 ? end : Math.min(data, end);
            if (dataStart > next) {
                visitor.extent(next, dataStart - next, true);
                next = dataStart;
                continue;
            }
            long hole = calls.nextHole(next);
            long dataEnd = hole < 0 ? end : Math.min(hole, end);
            if (dataEnd > next) {
                visitor.extent(next, dataEnd - next, false);
                next = dataEnd;
            }
        }
    }

    @Override
    public void close() throws IOException {
        if (calls != null) {
            calls.close();
        }
        channel.close();
    }

    @Override
    public String toString() {
        return path.toString();
    }

    private boolean zeroRange(long offset, long lengthBytes) throws IOException {
        if (calls == null || !canPunch) {
            return false;
        }
        canPunch = calls.zeroRange(offset, lengthBytes);
        return canPunch;
    }

    private boolean punch(long offset, long lengthBytes) throws IOException {
        if (calls == null || !canPunch) {
            return false;
        }
        canPunch = calls.punchHole(offset, lengthBytes);
        return canPunch;
    }

    private boolean zeroOut(long offset, long lengthBytes) throws IOException {
        if (calls == null || !canZeroOut) {
            return false;
        }
        canZeroOut = calls.zeroOut(offset, lengthBytes);
        return canZeroOut;
    }

    private void writeZeroes(long offset, long lengthBytes) throws IOException {
        long end = offset + lengthBytes;
        long next = offset;
        while (next < end) {
            ByteBuffer zeroes = ZEROES.duplicate();
            zeroes.limit((int) Math.min(zeroes.capacity(), end - next));
            int count = zeroes.remaining();
            write(next, zeroes);
            next += count;
        }
    }
}

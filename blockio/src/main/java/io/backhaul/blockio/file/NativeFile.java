package io.backhaul.blockio.file;

import io.backhaul.blockio.DeviceFullException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A file descriptor for what a {@code FileChannel} cannot do: holes, preallocation, and questions to block devices.
 * Data goes through a channel of its own. May be used from several threads; closing waits for calls under way.
 */
public final class NativeFile implements AutoCloseable {
    private final String path;
    private final int descriptor;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private boolean closed;

    private NativeFile(String path, int descriptor) {
        this.path = path;
        this.descriptor = descriptor;
    }

    /** True where these calls exist: on 64-bit Linux. */
    public static boolean available() {
        return System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux");
    }

    /**
     * Opens an existing file or block device.
     *
     * @param exclusive for a block device: fail if it is mounted or otherwise claimed
     */
    public static NativeFile open(Path path, boolean writable, boolean exclusive) throws IOException {
        return open(path, (writable ? LinuxCalls.O_RDWR : LinuxCalls.O_RDONLY) | (exclusive ? LinuxCalls.O_EXCL : 0));
    }

    /** Opens for reads past the page cache. */
    static NativeFile openDirect(Path path) throws IOException {
        return open(path, LinuxCalls.O_RDONLY | LinuxCalls.O_DIRECT);
    }

    private static NativeFile open(Path path, int mode) throws IOException {
        String name = path.toAbsolutePath().toString();
        int flags = LinuxCalls.O_CLOEXEC | mode;
        int answer = LinuxCalls.open(name, flags);
        if (answer == -LinuxCalls.EBUSY) {
            throw new IOException(path + " is in use, perhaps mounted: unmount it, or name another device");
        }
        if (answer < 0) {
            throw new IOException("cannot open " + path + ": " + LinuxCalls.text(-answer));
        }
        return new NativeFile(name, answer);
    }

    /** The size of a block device in bytes. */
    public long blockDeviceSizeBytes() throws IOException {
        long[] value = new long[1];
        check("BLKGETSIZE64", inside(() -> LinuxCalls.ioctl(descriptor, LinuxCalls.BLKGETSIZE64, value)));
        return value[0];
    }

    /** The logical sector size of a block device in bytes. */
    public int blockDeviceSectorSizeBytes() throws IOException {
        long[] value = new long[1];
        check("BLKSSZGET", inside(() -> LinuxCalls.ioctl(descriptor, LinuxCalls.BLKSSZGET, value)));
        return (int) value[0];
    }

    /** Reads into a direct buffer from its position on, as far as one call comes; 0 at the end. */
    int read(long offset, ByteBuffer target) throws IOException {
        int count = (int) check("read",
                inside(() -> LinuxCalls.pread(descriptor, MemorySegment.ofBuffer(target), offset)));
        target.position(target.position() + count);
        return count;
    }

    /** Deallocates the range, which then reads as zeroes. False if this place cannot do that. */
    public boolean punchHole(long offset, long lengthBytes) throws IOException {
        int mode = LinuxCalls.FALLOC_FL_PUNCH_HOLE | LinuxCalls.FALLOC_FL_KEEP_SIZE;
        return supported("punch hole", inside(() -> LinuxCalls.fallocate(descriptor, mode, offset, lengthBytes)));
    }

    /** Zeroes whole sectors of a block device. False if this place cannot do that. */
    public boolean zeroOut(long offset, long lengthBytes) throws IOException {
        return supported("BLKZEROOUT",
                inside(() -> LinuxCalls.ioctl(descriptor, LinuxCalls.BLKZEROOUT, new long[]{offset, lengthBytes})));
    }

    /** Zeroes a range of a file, and keeps its room reserved. False if this place cannot do that. */
    public boolean zeroRange(long offset, long lengthBytes) throws IOException {
        int mode = LinuxCalls.FALLOC_FL_ZERO_RANGE | LinuxCalls.FALLOC_FL_KEEP_SIZE;
        return supported("zero", inside(() -> LinuxCalls.fallocate(descriptor, mode, offset, lengthBytes)));
    }

    /** What a file takes on its file system, in bytes: less than its length where it has holes. */
    static long allocatedBytes(Path path) throws IOException {
        long answer = LinuxCalls.allocatedBytes(path.toAbsolutePath().toString());
        if (answer < 0) {
            throw new IOException(path + ": " + LinuxCalls.text((int) -answer));
        }
        return answer;
    }

    /** Reserves space from the start of the file without changing its length. False if this place cannot do that. */
    public boolean preallocate(long lengthBytes) throws IOException {
        return supported("preallocate",
                inside(() -> LinuxCalls.fallocate(descriptor, LinuxCalls.FALLOC_FL_KEEP_SIZE, 0, lengthBytes)));
    }

    /** The offset of the first allocated byte at or behind this one; -1 if there is none. */
    public long nextData(long offset) throws IOException {
        return seek(offset, LinuxCalls.SEEK_DATA);
    }

    /** The offset of the first hole at or behind this one, at the latest the end; -1 at or behind the end. */
    public long nextHole(long offset) throws IOException {
        return seek(offset, LinuxCalls.SEEK_HOLE);
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                LinuxCalls.close(descriptor);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private long seek(long offset, int whence) throws IOException {
        long answer = inside(() -> LinuxCalls.lseek(descriptor, offset, whence));
        return answer == -LinuxCalls.ENXIO ? -1 : check("seek", answer);
    }

    private boolean supported(String what, long answer) throws IOException {
        if (answer == -LinuxCalls.EOPNOTSUPP || answer == -LinuxCalls.ENOSYS || answer == -LinuxCalls.ENOTTY) {
            return false;
        }
        check(what, answer);
        return true;
    }

    private long check(String what, long answer) throws IOException {
        if (answer == -LinuxCalls.ENOSPC || answer == -LinuxCalls.EDQUOT) {
            throw new DeviceFullException(path + ": " + what + ": no space left");
        }
        if (answer < 0) {
            throw new IOException(path + ": " + what + ": " + LinuxCalls.text((int) -answer));
        }
        return answer;
    }

    private long inside(Call call) throws IOException {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new IOException(path + " is closed");
            }
            return call.run();
        } finally {
            lock.readLock().unlock();
        }
    }

    private interface Call {
        long run();
    }
}

package io.backhaul.blockio.file;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The calls of the C library that Java has no word for. Each returns what the call returns, or the negative errno, as
 * the kernel itself does. Calls may block: make them from platform threads.
 */
@SuppressWarnings("restricted")
final class LinuxCalls {
    static final int O_RDONLY = 0;
    static final int O_RDWR = 2;
    static final int O_EXCL = 0x80;
    static final int O_CLOEXEC = 0x80000;
    /** A number of the processor's own. */
    static final int O_DIRECT = System.getProperty("os.arch", "").equals("aarch64") ? 0x10000 : 0x4000;
    static final int SEEK_DATA = 3;
    static final int SEEK_HOLE = 4;
    static final int FALLOC_FL_KEEP_SIZE = 1;
    static final int FALLOC_FL_PUNCH_HOLE = 2;
    static final int FALLOC_FL_ZERO_RANGE = 0x10;
    /** {@code _IO(0x12, 104)}: logical sector size, an int. */
    static final long BLKSSZGET = 0x1268;
    /** {@code _IOR(0x12, 114, size_t)}: size in bytes, a long. */
    static final long BLKGETSIZE64 = 0x80081272L;
    /** {@code _IO(0x12, 127)}: zero a range, two longs: start and length. */
    static final long BLKZEROOUT = 0x127F;
    private static final int AT_FDCWD = -100;
    private static final int STATX_BLOCKS = 0x400;
    /** {@code struct statx} is the same on every processor: its size, and where the number of blocks stands. */
    private static final int STATX_BYTES = 256;
    private static final int STATX_BLOCKS_OFFSET = 48;
    private static final int STATX_BLOCK_BYTES = 512;
    static final int EINTR = 4;
    static final int ENXIO = 6;
    static final int EBUSY = 16;
    static final int EINVAL = 22;
    static final int ENOTTY = 25;
    static final int ENOSPC = 28;
    static final int ENOSYS = 38;
    static final int EOPNOTSUPP = 95;
    static final int EDQUOT = 122;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final MethodHandle OPEN = variadic("open",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT), 2);
    private static final MethodHandle CLOSE = plain("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle PREAD = plain("pread",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle LSEEK = plain("lseek",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));
    private static final MethodHandle FALLOCATE = plain("fallocate",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle STATX = plain("statx",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle IOCTL = variadic("ioctl",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS), 2);
    private static final MethodHandle STRERROR = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("strerror"),
            FunctionDescriptor.of(ADDRESS, JAVA_INT));

    private LinuxCalls() {}

    static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            return (int) result((int) OPEN.invokeExact(state, arena.allocateFrom(path), flags, 0), state);
        } catch (Throwable failure) {
            throw unexpected(failure);
        }
    }

    static int close(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            return (int) result((int) CLOSE.invokeExact(state, descriptor), state);
        } catch (Throwable failure) {
            throw unexpected(failure);
        }
    }

    static long lseek(int descriptor, long offset, int whence) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            return result((long) LSEEK.invokeExact(state, descriptor, offset, whence), state);
        } catch (Throwable failure) {
            throw unexpected(failure);
        }
    }

    /** Reads into native memory. */
    static long pread(int descriptor, MemorySegment target, long offset) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            long answer;
            do {
                answer = result((long) PREAD.invokeExact(state, descriptor, target, target.byteSize(), offset), state);
            } while (answer == -EINTR);
            return answer;
        } catch (Throwable failure) {
            throw unexpected(failure);
        }
    }

    static int fallocate(int descriptor, int mode, long offset, long lengthBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            long answer;
            do {
                answer = result((int) FALLOCATE.invokeExact(state, descriptor, mode, offset, lengthBytes), state);
            } while (answer == -EINTR);
            return (int) answer;
        } catch (Throwable failure) {
            throw unexpected(failure);
        }
    }

    /** What the file takes on its file system, in bytes. */
    static long allocatedBytes(String path) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            MemorySegment answer = arena.allocate(STATX_BYTES, Long.BYTES);
            long result = result((int) STATX.invokeExact(state, AT_FDCWD, arena.allocateFrom(path), 0, STATX_BLOCKS,
                    answer), state);
            return result < 0 ? result : answer.get(JAVA_LONG, STATX_BLOCKS_OFFSET) * STATX_BLOCK_BYTES;
        } catch (Throwable failure) {
            throw unexpected(failure);
        }
    }

    /** An ioctl whose argument points at the longs, which are read and written back. */
    static int ioctl(int descriptor, long request, long[] argument) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            MemorySegment memory = arena.allocateFrom(JAVA_LONG, argument);
            int answer = (int) result((int) IOCTL.invokeExact(state, descriptor, request, memory), state);
            MemorySegment.copy(memory, JAVA_LONG, 0, argument, 0, argument.length);
            return answer;
        } catch (Throwable failure) {
            throw unexpected(failure);
        }
    }

    /** What the C library calls this errno. */
    static String text(int errno) {
        try {
            MemorySegment text = (MemorySegment) STRERROR.invokeExact(errno);
            return text.reinterpret(256).getString(0) + " (errno " + errno + ")";
        } catch (Throwable failure) {
            throw unexpected(failure);
        }
    }

    private static long result(long answer, MemorySegment state) {
        return answer < 0 ? -(int) ERRNO.get(state, 0L) : answer;
    }

    private static MethodHandle plain(String name, FunctionDescriptor shape) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), shape,
                Linker.Option.captureCallState("errno"));
    }

    private static MethodHandle variadic(String name, FunctionDescriptor shape, int firstVariadic) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), shape,
                Linker.Option.captureCallState("errno"),
                Linker.Option.firstVariadicArg(firstVariadic));
    }

    private static RuntimeException unexpected(Throwable failure) {
        return switch (failure) {
            case RuntimeException known -> known;
            case Error error -> throw error;
            default -> new IllegalStateException("a call of the C library threw", failure);
        };
    }
}

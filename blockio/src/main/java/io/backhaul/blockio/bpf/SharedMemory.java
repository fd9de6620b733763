package io.backhaul.blockio.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;

/**
 * Memory that this process shares with the kernel. Once closed it must not be touched any more; the owner sees to that.
 */
@SuppressWarnings("restricted")
public final class SharedMemory implements AutoCloseable {
    static final int PAGE_BYTES = 4096;
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int MAP_SHARED = 1;
    private static final long FIRST_PAUSE_NANOS = 20_000;
    private static final long LONGEST_PAUSE_NANOS = 1_000_000;
    private static final Native MMAP = Native.of("mmap", ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT,
            JAVA_LONG);
    private static final Native MUNMAP = Native.of("munmap", JAVA_INT, ADDRESS, JAVA_LONG);
    private static final VarHandle LONG = JAVA_LONG.varHandle();
    private static final VarHandle INT = JAVA_INT.varHandle();
    private static final VarHandle BYTE = JAVA_BYTE.varHandle();

    private final MemorySegment memory;
    private boolean closed;

    private SharedMemory(MemorySegment memory) {
        this.memory = memory;
    }

    static SharedMemory map(int descriptor, long offset, long lengthBytes, boolean writable) throws IOException {
        long mapped = (lengthBytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
        long address = MMAP.check("cannot map " + mapped + " bytes shared with the kernel", MemorySegment.NULL, mapped,
                writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, offset);
        return new SharedMemory(MemorySegment.ofAddress(address).reinterpret(mapped));
    }

    public long sizeBytes() {
        return memory.byteSize();
    }

    /** Everything that was written before a release of this value is seen after this. */
    public long getAcquire(long offset) {
        return (long) LONG.getAcquire(memory, offset);
    }

    public void setRelease(long offset, long value) {
        LONG.setRelease(memory, offset, value);
    }

    public long getVolatile(long offset) {
        return (long) LONG.getVolatile(memory, offset);
    }

    public void setVolatile(long offset, long value) {
        LONG.setVolatile(memory, offset, value);
    }

    public int getIntAcquire(long offset) {
        return (int) INT.getAcquire(memory, offset);
    }

    /** Sets the value before anything that follows is read or written. */
    public void setIntVolatile(long offset, int value) {
        INT.setVolatile(memory, offset, value);
        VarHandle.fullFence();
    }

    public byte getByte(long offset) {
        return (byte) BYTE.getVolatile(memory, offset);
    }

    public void setByte(long offset, byte value) {
        BYTE.setVolatile(memory, offset, value);
    }

    /** A view of a part; valid until {@link #close}. */
    public ByteBuffer slice(long offset, int lengthBytes) {
        return memory.asSlice(offset, lengthBytes).asByteBuffer();
    }

    /** Waits until a 64-bit number is zero; false where it is not in time. Never on a loop. */
    public boolean awaitZero(long offset, long limitNanos) {
        long begun = System.nanoTime();
        long pause = FIRST_PAUSE_NANOS;
        while (getVolatile(offset) != 0) {
            if (System.nanoTime() - begun > limitNanos) {
                return false;
            }
            LockSupport.parkNanos(pause);
            pause = Math.min(pause * 2, LONGEST_PAUSE_NANOS);
        }
        return true;
    }

    /** Whether a time that a program in the kernel has noted is so long ago. */
    public static boolean isLongAgo(long kernelNanos, long nanos) {
        return System.nanoTime() - kernelNanos > nanos;
    }

    @Override
    public void close() throws IOException {
        if (!closed) {
            closed = true;
            MUNMAP.check("cannot unmap", memory, memory.byteSize());
        }
    }
}

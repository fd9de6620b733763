package io.backhaul.blockio.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A page of this process that stays where it is, whose number among the machine's pages is known. */
@SuppressWarnings("restricted")
public final class KnownPage implements AutoCloseable {
    private static final int PAGE_BYTES = 4096;
    private static final int PROT_READ_WRITE = 3;
    /** Private, anonymous, locked, populated. */
    private static final int MAP_FLAGS = 0x2 | 0x20 | 0x2000 | 0x8000;
    private static final long PRESENT = 1L << 63;
    private static final long FRAME_MASK = (1L << 55) - 1;
    private static final Path PAGE_MAP = Path.of("/proc/self/pagemap");
    private static final Native MMAP = Native.of("mmap", ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT,
            JAVA_LONG);
    private static final Native MUNMAP = Native.of("munmap", JAVA_INT, ADDRESS, JAVA_LONG);
    /** Read-only, direct, closed on exec; as on x86-64. */
    private static final int READ_DIRECT = 0x4000 | 0x80000;
    private static final Native OPEN = Native.of("open", JAVA_INT, ADDRESS, JAVA_INT);
    private static final Native READ = Native.of("pread", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final Native CLOSE = Native.of("close", JAVA_INT, JAVA_INT);
    private static final Native THREAD = Native.of("gettid", JAVA_INT);
    private static final Native PROCESS = Native.of("getpid", JAVA_INT);

    private final MemorySegment memory;

    private KnownPage(MemorySegment memory) {
        this.memory = memory;
    }

    /** Takes a page. */
    public static KnownPage take() throws IOException {
        long address = MMAP.check("cannot lock a page in memory", MemorySegment.NULL, (long) PAGE_BYTES,
                PROT_READ_WRITE, MAP_FLAGS, -1, 0L);
        return new KnownPage(MemorySegment.ofAddress(address).reinterpret(PAGE_BYTES));
    }

    /** Writes at its beginning. */
    public void write(long value) {
        memory.set(JAVA_LONG, 0, value);
    }

    /** Its number; only root is told. */
    public long frame() throws IOException {
        ByteBuffer entry = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder());
        try (FileChannel map = FileChannel.open(PAGE_MAP, StandardOpenOption.READ)) {
            int read = map.read(entry, memory.address() / PAGE_BYTES * Long.BYTES);
            long value = read < Long.BYTES ? 0 : entry.getLong(0);
            if ((value & PRESENT) == 0 || (value & FRAME_MASK) == 0) {
                throw new BpfException(PAGE_MAP + " does not tell where memory lies: run as root", 0);
            }
            return value & FRAME_MASK;
        }
    }

    /** Has the disk write the first bytes of a device straight into the page, on behalf of {@link #caller}. */
    public void readFrom(Path device) throws IOException {
        int descriptor;
        try (Arena arena = Arena.ofConfined()) {
            descriptor = (int) OPEN.check("cannot open " + device, arena.allocateFrom(device.toString()), READ_DIRECT);
        }
        try {
            if (READ.check("cannot read " + device, descriptor, memory, (long) PAGE_BYTES, 0L) <= 0) {
                throw new BpfException("nothing could be read from " + device, 0);
            }
        } finally {
            CLOSE.call(descriptor);
        }
    }

    /** Whom the kernel takes the calling thread for: process and thread. */
    public static long caller() {
        return PROCESS.call() << 32 | THREAD.call();
    }

    @Override
    public void close() throws IOException {
        MUNMAP.check("cannot unmap", memory, (long) PAGE_BYTES);
    }
}

package io.backhaul.blockio.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A map, program or link of the kernel's, by a descriptor of this process. It lives on as long as it is pinned. */
public final class BpfHandle implements AutoCloseable {
    /** Where handles are pinned: the BPF file system, by custom. */
    public static final Path PINS = BpfFilesystem.ROOT;
    private static final Native CLOSE = Native.of("close", JAVA_INT, JAVA_INT);
    private static final Native DUPLICATE = Native.of("dup", JAVA_INT, JAVA_INT);
    private static final int INFO_BYTES = 512;
    /** In {@code struct bpf_map_info}: the size of a value, and how many there may be. */
    private static final int MAP_VALUE_BYTES = 12;
    private static final int MAP_MAX_ENTRIES = 16;
    /** In {@code struct bpf_prog_info}. */
    private static final int PROGRAM_RUN_NANOS = 192;
    private static final int PROGRAM_MISSES = 208;

    private final BpfLibrary library;
    private final int descriptor;
    private boolean closed;

    BpfHandle(BpfLibrary library, int descriptor) {
        this.library = library;
        this.descriptor = descriptor;
    }

    static BpfHandle duplicate(BpfLibrary library, int descriptor) throws IOException {
        return new BpfHandle(library, (int) DUPLICATE.check("dup", descriptor));
    }

    /** Mounts the file system of the pins where it is not; it stays. */
    public static void mountPins() throws IOException {
        BpfFilesystem.mount();
    }

    /** Opens what is pinned there. */
    public static BpfHandle open(Path pinned) throws IOException {
        BpfLibrary library = BpfLibrary.get();
        try (Arena arena = Arena.ofConfined()) {
            return new BpfHandle(library,
                    (int) library.get.check("cannot open " + pinned, arena.allocateFrom(pinned.toString())));
        }
    }

    /** Pins it, so that it lives on without this process. */
    public void pin(Path path) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            library.pin.check("cannot pin " + path, descriptor, arena.allocateFrom(path.toString()));
        }
    }

    /** For a map: the size of one value in bytes. */
    public int valueBytes() throws IOException {
        return info(MAP_VALUE_BYTES);
    }

    /** For a map: how many entries it may have; for a ring: its size in bytes. */
    public int maxEntries() throws IOException {
        return info(MAP_MAX_ENTRIES);
    }

    /** For a program: how often the kernel could not run it, because it ran already. */
    public long misses() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = readInfo(arena);
            return info.get(java.lang.foreign.ValueLayout.JAVA_LONG, PROGRAM_MISSES);
        }
    }

    /** How long a program has run so far, on all processors; 0 unless the kernel counts it ({@code kernel.bpf_stats_enabled}). */
    public long runNanos() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return readInfo(arena).get(java.lang.foreign.ValueLayout.JAVA_LONG, PROGRAM_RUN_NANOS);
        }
    }

    private int info(int offset) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return readInfo(arena).get(JAVA_INT, offset);
        }
    }

    private MemorySegment readInfo(Arena arena) throws IOException {
        MemorySegment info = arena.allocate(INFO_BYTES, Long.BYTES);
        MemorySegment length = arena.allocateFrom(JAVA_INT, INFO_BYTES);
        library.info.check("cannot ask about a map or program", descriptor, info, length);
        return info;
    }

    /** Maps a part of it. */
    public SharedMemory map(long offset, long lengthBytes, boolean writable) throws IOException {
        return SharedMemory.map(descriptor, offset, lengthBytes, writable);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            CLOSE.call(descriptor);
        }
    }
}

package io.backhaul.blockio.bpf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A compiled object with its programs and maps: chosen, sized, loaded and attached. Closing it ends what is not pinned.
 */
public final class BpfObject implements AutoCloseable {
    private static final int RAW_TRACEPOINT = 17;
    private static final int EPERM = 1;
    private static final int EACCES = 13;

    private final BpfLibrary library;
    private final MemorySegment object;
    private final List<MemorySegment> links = new ArrayList<>();
    private boolean closed;

    private BpfObject(BpfLibrary library, MemorySegment object) {
        this.library = library;
        this.object = object;
    }

    /** Takes a compiled object; nothing of it is in the kernel yet. */
    public static BpfObject open(byte[] elf) throws IOException {
        BpfLibrary library = BpfLibrary.get();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(elf.length, Long.BYTES);
            MemorySegment.copy(elf, 0, bytes, ValueLayout.JAVA_BYTE, 0, elf.length);
            long address = library.openObject.check("the BPF object cannot be read", bytes, (long) elf.length,
                    MemorySegment.NULL);
            return new BpfObject(library, MemorySegment.ofAddress(address));
        }
    }

    /** Whether programs for raw tracepoints may call this function of the kernel, by its number. */
    public static boolean hasHelper(int number) throws IOException {
        return BpfLibrary.get().probeHelper.call(RAW_TRACEPOINT, number, MemorySegment.NULL) == 1;
    }

    /** Leaves a program out. Before {@link #load}. */
    public void leaveOut(String program) throws IOException {
        library.setAutoload.check("cannot leave out " + program, program(program), (byte) 0);
    }

    /** Says how many entries a map has, or how many bytes a ring. Before {@link #load}. */
    public void size(String map, int entries) throws IOException {
        library.setMaxEntries.check("cannot size " + map, map(map), entries);
    }

    /** Brings it into the kernel. */
    public void load() throws IOException {
        long answer = library.loadObject.call(object);
        if (answer == -EPERM || answer == -EACCES) {
            throw new BpfException("the kernel does not let this process load BPF programs: run as root, and see that"
                    + " neither lockdown nor a container's limits forbid it (" + Native.text((int) -answer) + ")",
                    (int) -answer);
        }
        if (answer < 0) {
            throw new BpfException("the kernel does not take the BPF programs: " + Native.text((int) -answer),
                    (int) -answer);
        }
    }

    /** A map, once loaded. The handle is the caller's. */
    public BpfHandle openMap(String name) throws IOException {
        return BpfHandle.duplicate(library, (int) library.mapDescriptor.check("no map " + name, map(name)));
    }

    /** A program, once loaded. The handle is the caller's. */
    public BpfHandle openProgram(String name) throws IOException {
        return BpfHandle.duplicate(library,
                (int) library.programDescriptor.check("no program " + name, program(name)));
    }

    /** Attaches a program to a raw tracepoint; it stays until this is closed, or longer where the handle is pinned. */
    public BpfHandle attach(String program, String tracepoint) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            long link = library.attach.check("cannot attach to the tracepoint " + tracepoint, program(program),
                    arena.allocateFrom(tracepoint));
            links.add(MemorySegment.ofAddress(link));
            return BpfHandle.duplicate(library,
                    (int) library.linkDescriptor.check("no link", MemorySegment.ofAddress(link)));
        }
    }

    private MemorySegment program(String name) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return MemorySegment.ofAddress(
                    library.findProgram.check("no program " + name, object, arena.allocateFrom(name)));
        }
    }

    private MemorySegment map(String name) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return MemorySegment.ofAddress(library.findMap.check("no map " + name, object, arena.allocateFrom(name)));
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            links.forEach(link -> library.destroyLink.call(link));
            library.closeObject.call(object);
        }
    }
}

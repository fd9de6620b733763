package io.backhaul.blockio.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/** The file system in which the kernel's maps and programs are pinned. */
final class BpfFilesystem {
    /** Where it is mounted by custom. */
    static final Path ROOT = Path.of("/sys/fs/bpf");
    private static final Path MOUNTS = Path.of("/proc/self/mounts");
    private static final Native MOUNT = Native.of("mount", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);

    private BpfFilesystem() {}

    static boolean isMounted() throws IOException {
        return Files.readAllLines(MOUNTS).stream().map(line -> line.split(" ", -1))
                .anyMatch(fields -> fields.length > 2 && fields[1].equals(ROOT.toString()) && fields[2].equals("bpf"));
    }

    /** Mounts it where it is not; it stays. */
    static void mount() throws IOException {
        if (isMounted()) {
            return;
        }
        if (!Files.isDirectory(ROOT)) {
            throw new BpfException("there is no " + ROOT + ": this kernel has no BPF file system", 0);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment type = arena.allocateFrom("bpf");
            MOUNT.check("cannot mount the BPF file system on " + ROOT + ", which keeps the capture when the agent ends",
                    type, arena.allocateFrom(ROOT.toString()), type, 0L, arena.allocateFrom("mode=0700"));
        }
    }
}

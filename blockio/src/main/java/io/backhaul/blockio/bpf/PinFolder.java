package io.backhaul.blockio.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A folder of pins that one process holds at a time; the kernel lets go of it when that process ends, however it ends. */
public final class PinFolder implements AutoCloseable {
    /** Read-only, a directory, closed on exec; as on x86-64. */
    private static final int READ_DIRECTORY = 0x10000 | 0x80000;
    /** {@code LOCK_EX | LOCK_NB}. */
    private static final int EXCLUSIVE_AT_ONCE = 2 | 4;
    private static final int WOULD_BLOCK = 11;
    private static final Native OPEN = Native.of("open", JAVA_INT, ADDRESS, JAVA_INT);
    private static final Native LOCK = Native.of("flock", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final Native CLOSE = Native.of("close", JAVA_INT, JAVA_INT);

    private final int descriptor;
    private boolean closed;

    private PinFolder(int descriptor) {
        this.descriptor = descriptor;
    }

    /** Holds it from now on; null where somebody else does. */
    public static @Nullable PinFolder hold(Path folder) throws IOException {
        int descriptor;
        try (Arena arena = Arena.ofConfined()) {
            descriptor = (int) OPEN.check("cannot open " + folder, arena.allocateFrom(folder.toString()),
                    READ_DIRECTORY);
        }
        var held = new PinFolder(descriptor);
        try {
            LOCK.check("cannot lock " + folder, descriptor, EXCLUSIVE_AT_ONCE);
            return held;
        } catch (BpfException refused) {
            held.close();
            if (refused.errno() == WOULD_BLOCK) {
                return null;
            }
            throw refused;
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            CLOSE.call(descriptor);
        }
    }
}

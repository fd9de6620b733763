package io.backhaul.blockio.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/** One function of a C library. What it answers is a long, or the negative errno where it failed. */
@SuppressWarnings("restricted")
final class Native {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final long LAST_ERRNO = 4095;
    private static final MethodHandle STRERROR = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("strerror"),
            FunctionDescriptor.of(ADDRESS, JAVA_INT));

    private final String name;
    private final MethodHandle handle;

    private Native(String name, MethodHandle handle) {
        this.name = name;
        this.handle = handle;
    }

    /** A function of the C library. */
    static Native of(String name, MemoryLayout result, MemoryLayout... arguments) {
        return of(LINKER.defaultLookup(), name, result, arguments);
    }

    /** A function of another library. */
    static Native of(SymbolLookup library, String name, MemoryLayout result, MemoryLayout... arguments) {
        return new Native(name, LINKER.downcallHandle(library.findOrThrow(name),
                FunctionDescriptor.of(result, arguments), Linker.Option.captureCallState("errno")));
    }

    /** A function of another library that answers nothing. */
    static Native ofVoid(SymbolLookup library, String name, MemoryLayout... arguments) {
        return new Native(name, LINKER.downcallHandle(library.findOrThrow(name), FunctionDescriptor.ofVoid(arguments),
                Linker.Option.captureCallState("errno")));
    }

    /** Calls it. A pointer comes back as its address, a null pointer as the negative errno. */
    long call(Object... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            Object[] all = new Object[arguments.length + 1];
            all[0] = state;
            System.arraycopy(arguments, 0, all, 1, arguments.length);
            long answer = switch (handle.invokeWithArguments(all)) {
                case Integer number -> number;
                case Long number -> number;
                case MemorySegment pointer -> pointer.address() == 0 ? -1 : pointer.address();
                case null -> 0;
                default -> throw new IllegalStateException(name + " gave something else");
            };
            int errno = (int) ERRNO.get(state, 0L);
            return failed(answer) && errno > 0 ? -errno : answer;
        } catch (RuntimeException | Error known) {
            throw known;
        } catch (Throwable failure) {
            throw new IllegalStateException("a call of " + name + " threw", failure);
        }
    }

    /** Calls it, and throws where it failed. */
    long check(String what, Object... arguments) throws IOException {
        long answer = call(arguments);
        if (failed(answer)) {
            throw new BpfException(what + ": " + text((int) -answer), (int) -answer);
        }
        return answer;
    }

    private static boolean failed(long answer) {
        return answer < 0 && answer >= -LAST_ERRNO;
    }

    /** What the C library calls this errno. */
    static String text(int errno) {
        try {
            MemorySegment text = (MemorySegment) STRERROR.invokeExact(errno);
            return text.reinterpret(256).getString(0) + " (errno " + errno + ")";
        } catch (Throwable failure) {
            throw new IllegalStateException("strerror threw", failure);
        }
    }
}

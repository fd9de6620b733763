package io.backhaul.engine.control;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the service manager how the daemon stands: one datagram to the socket that {@code NOTIFY_SOCKET} names, as
 * sd_notify(3) describes it. Does nothing where there is none. The JDK has no datagrams over unix sockets, so the
 * system is called.
 */
public final class ServiceNotice {
    /** Ready to work. */
    public static final String READY = "READY=1";
    /** Being stopped. */
    public static final String STOPPING = "STOPPING=1";

    private static final Logger LOG = LoggerFactory.getLogger(ServiceNotice.class);
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int PATH_LIMIT_BYTES = 107;

    private ServiceNotice() {}

    /** Sends {@code state} where a service manager listens. */
    public static void send(String state) {
        String socket = System.getenv("NOTIFY_SOCKET");
        if (socket != null && !socket.isEmpty()) {
            sendTo(socket, state);
        }
    }

    static void sendTo(String socket, String state) {
        byte[] path = socket.getBytes(StandardCharsets.UTF_8);
        if (path.length > PATH_LIMIT_BYTES || (path[0] != '/' && path[0] != '@')) {
            LOG.warn("NOTIFY_SOCKET is no socket's path: {}", socket);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            int sent = sent(arena, path, state.getBytes(StandardCharsets.UTF_8));
            if (sent < 0) {
                LOG.warn("the service manager at {} could not be told {}", socket, state);
            }
        } catch (Throwable refused) {
            LOG.warn("the service manager at {} could not be told {}", socket, state, refused);
        }
    }

    private static int sent(Arena arena, byte[] path, byte[] state) throws Throwable {
        MemorySegment address = arena.allocate(2 + path.length + 1L);
        address.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) AF_UNIX);
        MemorySegment.copy(path, 0, address, ValueLayout.JAVA_BYTE, 2, path.length);
        boolean isAbstract = path[0] == '@';
        if (isAbstract) {
            address.set(ValueLayout.JAVA_BYTE, 2, (byte) 0);
        }
        MemorySegment message = arena.allocateFrom(ValueLayout.JAVA_BYTE, state);
        var integer = ValueLayout.JAVA_INT;
        MethodHandle open = call("socket", FunctionDescriptor.of(integer, integer, integer, integer));
        MethodHandle send = call("sendto", FunctionDescriptor.of(ValueLayout.JAVA_LONG, integer, ValueLayout.ADDRESS,
                ValueLayout.JAVA_LONG, integer, ValueLayout.ADDRESS, integer));
        MethodHandle close = call("close", FunctionDescriptor.of(integer, integer));
        int descriptor = (int) open.invokeExact(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
        if (descriptor < 0) {
            return -1;
        }
        try {
            int addressBytes = 2 + path.length + (isAbstract ? 0 : 1);
            return (int) (long) send.invokeExact(descriptor, message, message.byteSize(), MSG_NOSIGNAL, address,
                    addressBytes);
        } finally {
            int closed = (int) close.invokeExact(descriptor);
            assert closed == 0;
        }
    }

    @SuppressWarnings("restricted")
    private static MethodHandle call(String name, FunctionDescriptor shape) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), shape);
    }
}

package io.backhaul.engine.control;

import io.backhaul.engine.config.Key;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A daemon's control socket: a unix domain socket that only its owner may open. A client sends one JSON object on one
 * line, {@code {"verb": …}}; the answer is any number of lines with {@code "reply": "progress"}, then one with
 * {@code "done"} or {@code "failed"}. Each client has a virtual thread of its own.
 */
public final class ControlServer implements AutoCloseable {
    /** Every daemon's key for its socket. */
    public static final Key<Path> SOCKET = Key.path("control", Path.of("control.sock"),
            "The control socket, where the commands of the operator come in; only this user may open it.");

    private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);
    private static final int MAX_CLIENTS = 64;
    private static final Duration REQUEST_PATIENCE = Duration.ofSeconds(30);
    private static final Duration REPLY_PATIENCE = Duration.ofSeconds(30);

    private final Path path;
    private final ServerSocketChannel listener;
    private final Map<String, ControlHandler> handlers;
    private final Set<Thread> clients = ConcurrentHashMap.newKeySet();
    private final Semaphore places = new Semaphore(MAX_CLIENTS);
    private volatile boolean closed;

    private ControlServer(Path path, ServerSocketChannel listener, Map<String, ControlHandler> handlers) {
        this.path = path;
        this.listener = listener;
        this.handlers = handlers;
    }

    /**
     * Opens the socket and answers from now on. A socket left by a process that has died is replaced.
     *
     * @throws IOException
     *             where another process answers there, or the path cannot be used; the message is for the operator
     */
    public static ControlServer listen(Path path, Map<String, ControlHandler> handlers) throws IOException {
        clear(path);
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            // Bound under another name and moved, so that nobody ever sees the socket open to more than its owner.
            Path hidden = path.resolveSibling("." + path.getFileName() + "." + ProcessHandle.current().pid());
            Files.deleteIfExists(hidden);
            listener.bind(UnixDomainSocketAddress.of(hidden));
            Files.setPosixFilePermissions(hidden, PosixFilePermissions.fromString("rw-------"));
            Files.move(hidden, path);
        } catch (IOException | RuntimeException refused) {
            listener.close();
            throw new IOException("control socket " + path + " cannot be made: " + reason(refused)
                    + "; give a writable directory and a path below 100 characters", refused);
        }
        var server = new ControlServer(path, listener, Map.copyOf(handlers));
        Thread.ofVirtual().name("control").start(server::acceptAll);
        return server;
    }

    private static String reason(Exception refused) {
        return refused.getMessage() == null ? refused.getClass().getSimpleName() : refused.getMessage();
    }

    private static void clear(Path path) throws IOException {
        Path parent = path.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        if (!Files.exists(path)) {
            return;
        }
        if (Files.isRegularFile(path) || Files.isDirectory(path)) {
            throw new IOException("control socket " + path + " cannot be made: something else stands there;"
                    + " remove it or name another path");
        }
        try (var probe = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            throw new LiveSocketException(path, probe.isConnected());
        } catch (LiveSocketException live) {
            throw live;
        } catch (IOException nobodyThere) {
            Files.deleteIfExists(path);
        }
    }

    private static final class LiveSocketException extends IOException {
        LiveSocketException(Path path, boolean connected) {
            super("control socket " + path + " is in use" + (connected ? "" : " (busy)")
                    + ": the daemon is running already; stop it first or name another path");
        }
    }

    public Path path() {
        return path;
    }

    private void acceptAll() {
        while (!closed) {
            try {
                places.acquire();
                SocketChannel client = listener.accept();
                Thread.Builder.OfVirtual thread = Thread.ofVirtual().name("control-client");
                thread.start(() -> serve(client));
            } catch (ClosedChannelException closing) {
                return;
            } catch (IOException failing) {
                LOG.warn("control socket {}: {}", path, failing.getMessage());
                places.release();
            } catch (InterruptedException stopping) {
                return;
            }
        }
    }

    private void serve(SocketChannel client) {
        clients.add(Thread.currentThread());
        try (var lines = new LineChannel(client, ControlLine.MAX_REQUEST_BYTES)) {
            answer(lines);
        } catch (EOFException gone) {
            LOG.debug("control client left");
        } catch (IOException failing) {
            LOG.debug("control client: {}", failing.getMessage());
        } finally {
            clients.remove(Thread.currentThread());
            places.release();
        }
    }

    private void answer(LineChannel lines) throws IOException {
        var reply = new LineReply(lines);
        try {
            Map<String, Object> request = ControlLine.read(lines.readLine(REQUEST_PATIENCE));
            Object verb = request.get(ControlLine.VERB);
            ControlHandler handler = handlers.get(String.valueOf(verb));
            if (handler == null) {
                throw new ControlFault(
                        "this daemon does not know '" + verb + "'; it knows " + new TreeSet<>(handlers.keySet()));
            }
            handler.handle(request, reply);
            if (!reply.ended) {
                reply.done(Map.of());
            }
        } catch (ControlFault fault) {
            reply.failed(String.valueOf(fault.getMessage()));
        } catch (InterruptedException stopping) {
            reply.failed("the daemon is being stopped");
        } catch (RuntimeException bug) {
            LOG.error("control request failed", bug);
            reply.failed("the daemon failed inside: " + bug + "; see its log");
        }
    }

    /** Writes reply lines; used by the client's thread only. */
    private static final class LineReply implements ControlReply {
        private final LineChannel lines;
        private boolean ended;

        LineReply(LineChannel lines) {
            this.lines = lines;
        }

        @Override
        public void progress(Map<String, ?> line) throws ControlFault {
            send(ControlLine.PROGRESS, line);
        }

        @Override
        public void done(Map<String, ?> line) throws ControlFault {
            send(ControlLine.DONE, line);
            ended = true;
        }

        void failed(String message) throws IOException {
            if (!ended) {
                lines.write(ControlLine.write(stated(ControlLine.FAILED, Map.of(ControlLine.MESSAGE, message))),
                        REPLY_PATIENCE);
            }
        }

        private void send(String state, Map<String, ?> line) throws ControlFault {
            if (ended) {
                throw new IllegalStateException("the answer has ended");
            }
            try {
                lines.write(ControlLine.write(stated(state, line)), REPLY_PATIENCE);
            } catch (IOException gone) {
                ended = true;
                throw new ControlFault("the client has gone", gone);
            }
        }

        private static Map<String, Object> stated(String state, Map<String, ?> line) {
            Map<String, Object> stated = new LinkedHashMap<>();
            stated.put(ControlLine.STATE, state);
            stated.putAll(line);
            stated.put(ControlLine.STATE, state);
            return stated;
        }
    }

    /** Stops listening, interrupts what is being answered, and removes the socket. */
    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        Files.deleteIfExists(path);
        listener.close();
        clients.forEach(Thread::interrupt);
    }
}

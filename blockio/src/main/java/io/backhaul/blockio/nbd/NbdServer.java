package io.backhaul.blockio.nbd;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A complete NBD server, as in the specification of the NBD project (doc/proto.md): fixed newstyle handshake, structured
 * replies, block status with {@code base:allocation}, FUA, flush, trim, write zeroes, cache, several connections to one
 * export, TLS by STARTTLS; over TCP or a unix domain socket.
 * <p>
 * Exports come and go while it runs. Devices are called by several threads at once. A client that misbehaves costs its own
 * connection only.
 */
public final class NbdServer implements AutoCloseable {
    private static final long KEPT_BUFFERS_BYTES = 64L << 20;
    private static final long GRACE_MILLIS = 5_000;
    private static final long ACCEPT_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final int BACKLOG = 64;

    private final ServerSocketChannel listener;
    private final Endpoint endpoint;
    private final NbdServerOptions options;
    private final Map<String, Export> exports = new ConcurrentSkipListMap<>();
    private final Set<ServerConnection> connections = ConcurrentHashMap.newKeySet();
    private final BufferPool pool = new BufferPool(KEPT_BUFFERS_BYTES);
    private final AtomicInteger threadNumber = new AtomicInteger();
    private final ScheduledExecutorService timer;
    private volatile boolean closed;

    private NbdServer(ServerSocketChannel listener, Endpoint endpoint, NbdServerOptions options) {
        this.listener = listener;
        this.endpoint = endpoint;
        this.options = options;
        this.timer = Executors.newSingleThreadScheduledExecutor(threads("timer"));
    }

    /**
     * Listens and accepts clients from now on.
     *
     * @throws IOException in one sentence, if the address is in use or cannot be bound
     */
    public static NbdServer listen(Endpoint endpoint, NbdServerOptions options) throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open(endpoint.family());
        try {
            switch (endpoint) {
                case Endpoint.Unix unix -> bindUnix(listener, unix);
                case Endpoint.Tcp tcp -> {
                    listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
                    listener.bind(endpoint.address(), BACKLOG);
                }
            }
            Endpoint bound = listener.getLocalAddress() instanceof InetSocketAddress local
                    && endpoint instanceof Endpoint.Tcp tcp
                            ? new Endpoint.Tcp(tcp.host(), local.getPort())
                            : endpoint;
            NbdServer server = new NbdServer(listener, bound, options);
            server.threads("accept").newThread(server::acceptAll).start();
            return server;
        } catch (IOException | RuntimeException failure) {
            listener.close();
            throw failure instanceof IOException
                    ? new IOException("cannot listen on " + endpoint + ": " + failure.getMessage(), failure)
                    : new IOException("cannot listen on " + endpoint + ": " + failure, failure);
        }
    }

    /** Where it listens, with the port that the system chose. */
    public Endpoint endpoint() {
        return endpoint;
    }

    /**
     * Offers the device under a name. The device stays the caller's, who closes it after {@link #remove} or {@link #close}.
     *
     * @throws IllegalArgumentException if the name is taken or too long
     */
    public void export(String name, BlockDevice device) {
        if (name.getBytes(StandardCharsets.UTF_8).length > NbdNumbers.NAME_LIMIT_BYTES) {
            throw new IllegalArgumentException("an export name has at most " + NbdNumbers.NAME_LIMIT_BYTES + " bytes");
        }
        if (exports.putIfAbsent(name, new Export(name, device)) != null) {
            throw new IllegalArgumentException("there is an export \"" + name + "\" already");
        }
    }

    /**
     * Takes an export away. When this returns nobody uses the device any more; its clients get ESHUTDOWN and are
     * disconnected. False if there was none of that name.
     */
    public boolean remove(String name) {
        Export export = exports.remove(name);
        if (export == null) {
            return false;
        }
        export.retire();
        for (ServerConnection connection : connections) {
            if (connection.uses(export)) {
                stop(connection);
            }
        }
        return true;
    }

    /** How many clients are connected. */
    public int connectionCount() {
        return connections.size();
    }

    /** Stops listening, lets requests under way end, and disconnects everyone. When this returns no device is used any more. */
    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        listener.close();
        if (endpoint instanceof Endpoint.Unix unix) {
            Files.deleteIfExists(unix.path());
        }
        for (String name : names()) {
            remove(name);
        }
        for (ServerConnection connection : connections) {
            if (connection.inHandshake()) {
                connection.close();
            } else {
                connection.endInput();
            }
        }
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(GRACE_MILLIS);
        while (!connections.isEmpty() && System.nanoTime() < deadline) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
        for (ServerConnection connection : connections) {
            connection.close();
        }
        timer.shutdownNow();
    }

    /** The export of that name; the empty name also finds the only one. */
    @Nullable
    Export find(String name) {
        Export export = exports.get(name);
        if (export == null && name.isEmpty()) {
            List<Export> all = List.copyOf(exports.values());
            return all.size() == 1 ? all.getFirst() : null;
        }
        return export;
    }

    List<String> names() {
        return List.copyOf(exports.keySet());
    }

    BufferPool pool() {
        return pool;
    }

    ThreadFactory threads(String what) {
        return work -> {
            Thread thread = new Thread(work, "nbd-" + what + "-" + threadNumber.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }

    void ended(ServerConnection connection) {
        connections.remove(connection);
    }

    private void acceptAll() {
        while (!closed) {
            SocketChannel channel;
            try {
                channel = listener.accept();
            } catch (ClosedChannelException ended) {
                return;
            } catch (IOException | RuntimeException failure) {
                options.problems().accept("accepting NBD clients on " + endpoint + ": " + failure.getMessage());
                LockSupport.parkNanos(ACCEPT_PAUSE_NANOS);
                continue;
            }
            try {
                welcome(channel);
            } catch (IOException | RuntimeException failure) {
                options.problems().accept("welcoming an NBD client on " + endpoint + ": " + failure.getMessage());
                closeQuietly(channel);
            }
        }
    }

    private void welcome(SocketChannel channel) throws IOException {
        if (connections.size() >= options.connectionLimit()) {
            closeQuietly(channel);
            options.problems()
                    .accept("an NBD client was turned away: " + options.connectionLimit() + " are connected already");
            return;
        }
        String peer = channel.getRemoteAddress() instanceof InetSocketAddress remote
                ? remote.getAddress().getHostAddress() + ":" + remote.getPort()
                : endpoint.toString();
        ServerConnection connection = new ServerConnection(this, options, new PlainSocket(channel), peer);
        connections.add(connection);
        if (closed) {
            connection.close();
        }
        try {
            var _ = timer.schedule(() -> {
                if (connection.inHandshake()) {
                    connection.close();
                }
            }, options.handshakeLimitMillis(), TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closing) {
            connection.close();
        }
        threads("client").newThread(connection).start();
    }

    private static void closeQuietly(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException ignored) {
            // it is gone either way
        }
    }

    /** Ends a connection whose export is gone: at once if it is quiet, by force if it does not take its replies. */
    private void stop(ServerConnection connection) {
        connection.endInput();
        try {
            var _ = timer.schedule(connection::close, GRACE_MILLIS, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closing) {
            connection.close();
        }
    }

    /** Binds a socket that only its owner can use; a socket file that nobody listens on any more is replaced. */
    private static void bindUnix(ServerSocketChannel listener, Endpoint.Unix unix) throws IOException {
        Path path = unix.path();
        if (Files.exists(path)) {
            if (answers(unix)) {
                throw new BindException("another program listens there");
            }
            if (Files.isRegularFile(path) || Files.isDirectory(path)) {
                throw new BindException("there is a file of that name that is not a socket");
            }
            Files.delete(path);
        }
        Path parent = path.toAbsolutePath().getParent();
        if (parent != null && !Files.isDirectory(parent)) {
            throw new BindException("there is no folder " + parent);
        }
        listener.bind(unix.address(), BACKLOG);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
    }

    private static boolean answers(Endpoint.Unix unix) {
        try (SocketChannel probe = SocketChannel.open(unix.family())) {
            return probe.connect(unix.address());
        } catch (IOException nobody) {
            return false;
        }
    }
}

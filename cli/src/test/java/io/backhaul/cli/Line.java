package io.backhaul.cli;

import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/**
 * A line between two parts: passes connections on to an address, and can be narrow, long, silent, cut, or closed to
 * newcomers. From any thread.
 */
final class Line implements AutoCloseable {
    /** As wide as the machine is. */
    static final long WIDE_BYTES_PER_SECOND = 1L << 40;
    private static final int PIECE_BYTES = 16 << 10;
    private static final int BUFFER_BYTES = 256 << 10;
    private static final long LOOK_MILLIS = 20;
    /** So many pieces may be on their way along a long line. */
    private static final int MAX_PIECES = 1024;

    private final ServerSocket server;
    private final Supplier<String> address;
    private final List<Socket> sockets = new ArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile long bytesPerSecond = WIDE_BYTES_PER_SECOND;
    private volatile long delayNanos;
    private volatile boolean silent;
    private volatile boolean refusing;
    private final LongAdder passedBytes = new LongAdder();

    private Line(ServerSocket server, Supplier<String> address) {
        this.server = server;
        this.address = address;
    }

    /** A line to an address that need not be known before somebody dials. */
    static Line to(Supplier<String> address) throws IOException {
        var line = new Line(new ServerSocket(0, 16, InetAddress.getLoopbackAddress()), address);
        line.run(line::accept);
        return line;
    }

    /** What to dial. */
    String address() {
        return "127.0.0.1:" + server.getLocalPort();
    }

    /** So much fits through from now on, each way. */
    void narrow(long nextBytesPerSecond) {
        bytesPerSecond = nextBytesPerSecond;
    }

    /** What goes into a connection that is made from now on comes out so much later, each way. */
    void lengthen(Duration oneWay) {
        delayNanos = oneWay.toNanos();
    }

    /** Whether nothing comes through, and nobody is told: connections stay, also those that are made meanwhile. */
    void silence(boolean nothingPasses) {
        silent = nothingPasses;
    }

    /** Whether who dials is turned away. */
    void refuse(boolean nobodyEnters) {
        refusing = nobodyEnters;
    }

    /** How much has come through, both ways together. */
    long passedBytes() {
        return passedBytes.sum();
    }

    /** Ends all connections; both sides are told. */
    synchronized void cut() throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
        sockets.clear();
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private void run(Work work) {
        Thread.ofPlatform().daemon().name("line").start(() -> {
            try {
                work.run();
            } catch (IOException | InterruptedException over) {
                // A connection has ended, or the line.
                return;
            }
        });
    }

    private void accept() throws IOException {
        while (closed.getCount() > 0) {
            Socket from = server.accept();
            if (refusing) {
                from.close();
            } else {
                run(() -> connect(from));
            }
        }
    }

    private void connect(Socket from) throws IOException {
        keep(from);
        try (Socket to = new Socket()) {
            keep(to);
            String there = address.get();
            int colon = there.lastIndexOf(':');
            to.connect(new InetSocketAddress(there.substring(0, colon),
                    Integer.parseInt(there.substring(colon + 1))));
            run(() -> pass(to, from));
            pass(from, to);
        } catch (IOException | InterruptedException nobodyThere) {
            from.close();
        }
    }

    private synchronized void keep(Socket socket) throws IOException {
        socket.setTcpNoDelay(true);
        // Little may lie in between: what the sender gets rid of has passed. Less than some segments makes TCP wait.
        socket.setReceiveBufferSize(BUFFER_BYTES);
        sockets.removeIf(Socket::isClosed);
        sockets.add(socket);
    }

    private void pass(Socket from, Socket to) throws IOException, InterruptedException {
        byte[] piece = new byte[PIECE_BYTES];
        try (from; to) {
            InputStream in = from.getInputStream();
            Way out = delayNanos == 0 ? to.getOutputStream()::write : new LongWay(delayNanos, from, to);
            for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
                while (silent) {
                    if (closed.await(LOOK_MILLIS, TimeUnit.MILLISECONDS) || from.isClosed()) {
                        return;
                    }
                }
                out.write(piece, 0, count);
                passedBytes.add(count);
                if (closed.await(count * 1_000_000L / bytesPerSecond, TimeUnit.MICROSECONDS)) {
                    return;
                }
            }
        }
    }

    /** Takes bytes towards the other side. */
    private interface Way {
        void write(byte[] bytes, int offset, int count) throws IOException, InterruptedException;
    }

    /** Hands bytes over after a delay, from a thread of its own. */
    private final class LongWay implements Way {
        private final BlockingQueue<Piece> underWay = new ArrayBlockingQueue<>(MAX_PIECES);
        private final long delayNanos;
        private final Socket from;

        private static final class Piece {
            final byte[] bytes;
            final long dueNanos;

            Piece(byte[] bytes, long dueNanos) {
                this.bytes = bytes;
                this.dueNanos = dueNanos;
            }
        }

        LongWay(long delayNanos, Socket from, Socket to) {
            this.delayNanos = delayNanos;
            this.from = from;
            run(() -> deliver(to));
        }

        @Override
        public void write(byte[] bytes, int offset, int count) throws IOException, InterruptedException {
            byte[] copy = Arrays.copyOfRange(bytes, offset, offset + count);
            Piece piece = new Piece(copy, SystemClock.INSTANCE.nanos() + delayNanos);
            while (!underWay.offer(piece, LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
                if (from.isClosed()) {
                    throw new SocketException("cut");
                }
            }
        }

        private void deliver(Socket to) throws IOException, InterruptedException {
            try (from; to) {
                while (!from.isClosed()) {
                    Piece piece = underWay.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                    if (piece != null) {
                        closed.await(piece.dueNanos - SystemClock.INSTANCE.nanos(), TimeUnit.NANOSECONDS);
                        to.getOutputStream().write(piece.bytes);
                    }
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        closed.countDown();
        server.close();
        cut();
    }
}

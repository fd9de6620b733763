package io.backhaul.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A narrow line: passes connections on to an address, so many bytes a second in that direction at most. */
final class SlowRelay implements AutoCloseable {
    private static final int PIECE_BYTES = 16 << 10;

    private final ServerSocket server;
    private final String host;
    private final int port;
    private final List<Socket> sockets = new ArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile long bytesPerSecond;

    private SlowRelay(ServerSocket server, String address, long bytesPerSecond) {
        this.server = server;
        this.host = address.substring(0, address.lastIndexOf(':'));
        this.port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
        this.bytesPerSecond = bytesPerSecond;
    }

    static SlowRelay to(String address, long bytesPerSecond) throws IOException {
        var relay = new SlowRelay(new ServerSocket(0, 16, InetAddress.getLoopbackAddress()), address, bytesPerSecond);
        relay.run(relay::accept);
        return relay;
    }

    /** What to dial. */
    String address() {
        return "127.0.0.1:" + server.getLocalPort();
    }

    /** Makes it wider or narrower from now on. */
    void rate(long nextBytesPerSecond) {
        bytesPerSecond = nextBytesPerSecond;
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private void run(Work work) {
        Thread.ofPlatform().daemon().name("slow-relay").start(() -> {
            try {
                work.run();
            } catch (IOException | InterruptedException over) {
                // A connection has ended, or the relay.
                return;
            }
        });
    }

    private void accept() throws IOException {
        while (closed.getCount() > 0) {
            Socket from = keep(server.accept());
            Socket to = keep(new Socket(host, port));
            run(() -> pass(from, to, true));
            run(() -> pass(to, from, false));
        }
    }

    private synchronized Socket keep(Socket socket) throws IOException {
        socket.setTcpNoDelay(true);
        // Little may lie in between: what the sender gets rid of has passed.
        socket.setReceiveBufferSize(PIECE_BYTES);
        sockets.add(socket);
        return socket;
    }

    private void pass(Socket from, Socket to, boolean slowly) throws IOException, InterruptedException {
        byte[] piece = new byte[PIECE_BYTES];
        try (from; to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
                out.write(piece, 0, count);
                if (slowly && closed.await(count * 1_000_000L / bytesPerSecond, TimeUnit.MICROSECONDS)) {
                    return;
                }
            }
        }
    }

    @Override
    public synchronized void close() throws IOException {
        closed.countDown();
        server.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}

package io.backhaul.blockio.nbd;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** The bytes as they are. */
final class PlainSocket implements NbdSocket {
    private static final int SOCKET_BUFFER_BYTES = 1 << 20;

    private final SocketChannel channel;

    PlainSocket(SocketChannel channel) throws IOException {
        this.channel = channel;
        if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        } else {
            channel.setOption(StandardSocketOptions.SO_SNDBUF, SOCKET_BUFFER_BYTES);
        }
    }

    @Override
    public long read(ByteBuffer[] targets) throws IOException {
        return targets.length == 1 ? channel.read(targets[0]) : channel.read(targets);
    }

    @Override
    public void write(ByteBuffer[] sources, int count) throws IOException {
        int first = 0;
        while (true) {
            while (first < count && !sources[first].hasRemaining()) {
                first++;
            }
            if (first == count) {
                return;
            }
            if (first == count - 1) {
                channel.write(sources[first]);
            } else {
                channel.write(sources, first, count - first);
            }
        }
    }

    @Override
    public void endInput() {
        try {
            channel.shutdownInput();
        } catch (IOException | RuntimeException ignored) {
            // it is not connected any more: the reader sees that too
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException ignored) {
            // it is gone either way
        }
    }
}

package io.backhaul.engine.control;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;

/** Lines over a non-blocking socket, with a deadline for each and a limit on length. Owned by one thread. */
final class LineChannel implements AutoCloseable {
    private final SocketChannel socket;
    private final Selector selector;
    private final SelectionKey interest;
    private final int maxLineBytes;
    private byte[] held = new byte[512];
    private int heldBytes;

    LineChannel(SocketChannel socket, int maxLineBytes) throws IOException {
        this.socket = socket;
        this.maxLineBytes = maxLineBytes;
        socket.configureBlocking(false);
        selector = Selector.open();
        interest = socket.register(selector, SelectionKey.OP_READ);
    }

    /**
     * Reads up to the next line end.
     *
     * @throws EOFException
     *             where the other side ended before a line was complete
     */
    byte[] readLine(Duration patience) throws IOException {
        long deadline = System.nanoTime() + patience.toNanos();
        int searched = 0;
        while (true) {
            for (int index = searched; index < heldBytes; index++) {
                if (held[index] == '\n') {
                    return taken(index);
                }
            }
            searched = heldBytes;
            if (heldBytes >= maxLineBytes) {
                throw new IOException("a line is longer than " + maxLineBytes + " bytes");
            }
            fill(deadline);
        }
    }

    private byte[] taken(int lineEnd) {
        byte[] line = Arrays.copyOf(held, lineEnd);
        heldBytes -= lineEnd + 1;
        System.arraycopy(held, lineEnd + 1, held, 0, heldBytes);
        return line;
    }

    private void fill(long deadline) throws IOException {
        if (heldBytes == held.length) {
            held = Arrays.copyOf(held, Math.min(maxLineBytes, held.length * 2));
        }
        while (true) {
            int count = socket.read(ByteBuffer.wrap(held, heldBytes, held.length - heldBytes));
            if (count < 0) {
                throw new EOFException("the other side ended");
            }
            if (count > 0) {
                heldBytes += count;
                return;
            }
            await(SelectionKey.OP_READ, deadline);
        }
    }

    void write(byte[] line, Duration patience) throws IOException {
        long deadline = System.nanoTime() + patience.toNanos();
        ByteBuffer rest = ByteBuffer.wrap(line);
        while (rest.hasRemaining()) {
            if (socket.write(rest) == 0) {
                await(SelectionKey.OP_WRITE, deadline);
            }
        }
    }

    private void await(int operation, long deadline) throws IOException {
        long leftMillis = (deadline - System.nanoTime()) / 1_000_000;
        if (leftMillis <= 0) {
            throw new IOException("the other side has not answered in time");
        }
        interest.interestOps(operation);
        selector.select(Math.max(1, leftMillis));
        selector.selectedKeys().clear();
        if (Thread.currentThread().isInterrupted()) {
            throw new IOException("interrupted");
        }
    }

    @Override
    public void close() throws IOException {
        try (selector) {
            socket.close();
        }
    }
}

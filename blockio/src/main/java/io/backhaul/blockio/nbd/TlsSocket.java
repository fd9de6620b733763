package io.backhaul.blockio.nbd;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLException;

/** TLS over another socket, by an engine of the JDK. Make it, {@link #handshake()}, then use it. */
final class TlsSocket implements NbdSocket {
    private final NbdSocket under;
    private final SSLEngine engine;
    private final ReentrantLock writeLock = new ReentrantLock();
    private final ByteBuffer outgoing;
    private final ByteBuffer[] outgoingAlone;
    private final ByteBuffer incoming;
    private final ByteBuffer[] incomingAlone;
    private final ByteBuffer plain;
    private final ByteBuffer[] nothing = {ByteBuffer.allocate(0)};

    TlsSocket(NbdSocket under, SSLEngine engine) {
        this.under = under;
        this.engine = engine;
        int packet = engine.getSession().getPacketBufferSize();
        this.outgoing = ByteBuffer.allocateDirect(16 * packet);
        this.outgoingAlone = new ByteBuffer[]{outgoing};
        this.incoming = ByteBuffer.allocateDirect(16 * packet).flip();
        this.incomingAlone = new ByteBuffer[]{incoming};
        this.plain = ByteBuffer.allocateDirect(engine.getSession().getApplicationBufferSize()).flip();
    }

    /** Greets the peer; certificates are checked here. A peer that is refused is told why, by an alert. */
    void handshake() throws IOException {
        try {
            greet();
        } catch (SSLException refusal) {
            try {
                sendHandshake();
            } catch (IOException alsoFailed) {
                refusal.addSuppressed(alsoFailed);
            }
            throw refusal;
        }
    }

    private void greet() throws IOException {
        engine.beginHandshake();
        while (true) {
            switch (engine.getHandshakeStatus()) {
                case NEED_TASK -> runTasks();
                case NEED_WRAP -> sendHandshake();
                case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> {
                    plain.clear();
                    try {
                        if (unwrap(plain) < 0) {
                            throw new EOFException("the peer ended during the TLS handshake");
                        }
                    } finally {
                        plain.flip();
                    }
                }
                case FINISHED, NOT_HANDSHAKING -> {
                    return;
                }
            }
            if (plain.hasRemaining()) {
                return;
            }
        }
    }

    @Override
    public long read(ByteBuffer[] targets) throws IOException {
        while (!plain.hasRemaining()) {
            plain.clear();
            int count;
            try {
                count = unwrap(plain);
            } finally {
                plain.flip();
            }
            if (count < 0) {
                return -1;
            }
        }
        long copied = 0;
        for (ByteBuffer target : targets) {
            int step = Math.min(target.remaining(), plain.remaining());
            target.put(target.position(), plain, plain.position(), step);
            target.position(target.position() + step);
            plain.position(plain.position() + step);
            copied += step;
        }
        return copied;
    }

    @Override
    public void write(ByteBuffer[] sources, int count) throws IOException {
        writeLock.lock();
        try {
            int first = 0;
            outgoing.clear();
            while (true) {
                while (first < count && !sources[first].hasRemaining()) {
                    first++;
                }
                if (first == count) {
                    break;
                }
                SSLEngineResult result = engine.wrap(sources, first, count - first, outgoing);
                switch (result.getStatus()) {
                    case OK -> {
                    }
                    case BUFFER_OVERFLOW -> {
                        sendOutgoing();
                        outgoing.clear();
                    }
                    case CLOSED, BUFFER_UNDERFLOW -> throw new SSLException("the TLS connection is closed");
                }
            }
            sendOutgoing();
        } finally {
            writeLock.unlock();
        }
    }

    @Override
    public void endInput() {
        under.endInput();
    }

    @Override
    public void close() {
        under.close();
    }

    /** Decrypts one record; returns how many bytes it held, which may be none; -1 at the end. */
    private int unwrap(ByteBuffer target) throws IOException {
        while (true) {
            SSLEngineResult result = engine.unwrap(incoming, target);
            switch (result.getStatus()) {
                case OK -> {
                    afterwards(result);
                    return result.bytesProduced();
                }
                case CLOSED -> {
                    return -1;
                }
                case BUFFER_UNDERFLOW -> {
                    incoming.compact();
                    long count;
                    try {
                        count = under.read(incomingAlone);
                    } finally {
                        incoming.flip();
                    }
                    if (count < 0) {
                        return -1;
                    }
                }
                case BUFFER_OVERFLOW -> throw new SSLException("a TLS record is larger than the engine said");
            }
        }
    }

    /** After a record that was no data, such as a key update, the engine may want something of us. */
    private void afterwards(SSLEngineResult result) throws IOException {
        switch (result.getHandshakeStatus()) {
            case NEED_TASK -> runTasks();
            case NEED_WRAP -> sendHandshake();
            case NEED_UNWRAP, NEED_UNWRAP_AGAIN, FINISHED, NOT_HANDSHAKING -> {
            }
        }
    }

    private void sendHandshake() throws IOException {
        writeLock.lock();
        try {
            outgoing.clear();
            while (engine.getHandshakeStatus() == SSLEngineResult.HandshakeStatus.NEED_WRAP) {
                SSLEngineResult result = engine.wrap(nothing, outgoing);
                switch (result.getStatus()) {
                    case OK -> {
                    }
                    case BUFFER_OVERFLOW -> {
                        sendOutgoing();
                        outgoing.clear();
                    }
                    case CLOSED, BUFFER_UNDERFLOW -> throw new SSLException("the TLS connection is closed");
                }
            }
            sendOutgoing();
        } finally {
            writeLock.unlock();
        }
    }

    private void sendOutgoing() throws IOException {
        outgoing.flip();
        under.write(outgoingAlone, 1);
    }

    private void runTasks() {
        Runnable task = engine.getDelegatedTask();
        while (task != null) {
            task.run();
            task = engine.getDelegatedTask();
        }
    }
}

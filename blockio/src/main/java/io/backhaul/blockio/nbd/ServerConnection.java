package io.backhaul.blockio.nbd;

import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** One client, from its first byte to its last. Run by a thread of its own; told to stop by others. */
final class ServerConnection implements Runnable {
    private final NbdServer server;
    private final NbdServerOptions options;
    private final NbdSocket socket;
    private final String peer;
    private volatile @Nullable Export export;

    ServerConnection(NbdServer server, NbdServerOptions options, NbdSocket socket, String peer) {
        this.server = server;
        this.options = options;
        this.socket = socket;
        this.peer = peer;
    }

    @Override
    public void run() {
        try {
            ServerHandshake handshake = new ServerHandshake(socket, options, server::find, server::names);
            NegotiatedSession session = handshake.run();
            if (session != null) {
                export = session.export();
                if (session.export().retired()) {
                    socket.endInput();
                }
                new Transmission(session, options, server.pool(), server.threads(peer)).serve();
            }
        } catch (AsynchronousCloseException closed) {
            if (export == null) {
                options.problems().accept("NBD client " + peer + ": it took too long to choose an export");
            }
        } catch (ClosedChannelException closed) {
            // we closed it ourselves
        } catch (EOFException gone) {
            // a client may leave without a word
        } catch (ProtocolBreach | SSLException failure) {
            options.problems().accept("NBD client " + peer + ": " + failure.getMessage());
        } catch (IOException gone) {
            // cut, as connections are
        } catch (RuntimeException bug) {
            options.problems().accept("NBD client " + peer + ": a bug: " + bug);
        } finally {
            socket.close();
            server.ended(this);
        }
    }

    boolean uses(Export other) {
        return export == other;
    }

    boolean inHandshake() {
        return export == null;
    }

    /** Reads no more requests; what is under way is still answered. */
    void endInput() {
        socket.endInput();
    }

    void close() {
        socket.close();
    }
}

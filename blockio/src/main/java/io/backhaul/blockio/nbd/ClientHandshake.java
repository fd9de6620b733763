package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;

/** The handshake of the client: fixed newstyle, with the oldest way to name an export as the fallback. */
final class ClientHandshake {
    private static final int REPLY_LIMIT_BYTES = 64 * 1024;
    private static final int REPLY_LIMIT = 100_000;
    private static final int INPUT_BUFFER_BYTES = 256 * 1024;
    private static final int EXPORT_NAME_PADDING_BYTES = 124;

    private final NbdClientOptions options;
    private final NbdInput input;
    private NbdSocket socket;
    private boolean noZeroes;

    ClientHandshake(NbdSocket socket, NbdClientOptions options) {
        this.socket = socket;
        this.options = options;
        this.input = new NbdInput(socket, INPUT_BUFFER_BYTES);
    }

    /** Chooses the export. */
    ClientSession choose(String name) throws IOException {
        greet();
        boolean structured = ask(OPT_STRUCTURED_REPLY, new byte[0]).type == REP_ACK;
        long context = structured ? allocationContext(name) : ClientSession.NO_CONTEXT;
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        ByteBuffer go = ByteBuffer.allocate(Integer.BYTES + bytes.length + 2 * Short.BYTES).putInt(bytes.length)
                .put(bytes)
                .putShort((short) 1).putShort((short) INFO_BLOCK_SIZE);
        sendOption(OPT_GO, go.array());
        long size = -1;
        int flags = 0;
        int minimum = 1;
        int maximum = PAYLOAD_LIMIT_BYTES;
        for (int count = 0; count < REPLY_LIMIT; count++) {
            Reply reply = reply(OPT_GO);
            if (reply.type == REP_ERR_UNSUP) {
                return chooseByName(bytes, structured, context);
            }
            refuseErrors(reply, "export \"" + name + "\"");
            if (reply.type == REP_ACK) {
                if (size < 0) {
                    throw new IOException("the server did not say how large the export is");
                }
                return new ClientSession(socket, input, size, flags, structured, context, minimum, maximum);
            }
            ByteBuffer data = ByteBuffer.wrap(reply.data);
            if (reply.type != REP_INFO || data.remaining() < Short.BYTES) {
                continue;
            }
            int kind = data.getShort();
            if (kind == INFO_EXPORT && data.remaining() >= 10) {
                size = data.getLong();
                flags = Short.toUnsignedInt(data.getShort());
            } else if (kind == INFO_BLOCK_SIZE && data.remaining() >= 12) {
                minimum = data.getInt();
                data.getInt();
                int most = data.getInt();
                maximum = most < 0 ? PAYLOAD_LIMIT_BYTES : Math.min(most, PAYLOAD_LIMIT_BYTES);
                if (Integer.bitCount(minimum) != 1 || minimum > 64 * 1024 || minimum < 1 || maximum < minimum) {
                    throw new IOException("the server gave block sizes that make no sense: at least " + minimum
                            + ", at most " + most);
                }
            }
        }
        throw new IOException("the server never came to an end with its answer");
    }

    /** The names of the exports that the server is willing to tell. */
    List<String> list() throws IOException {
        greet();
        sendOption(OPT_LIST, new byte[0]);
        List<String> names = new ArrayList<>();
        for (int count = 0; count < REPLY_LIMIT; count++) {
            Reply reply = reply(OPT_LIST);
            refuseErrors(reply, "the list of exports");
            if (reply.type == REP_ACK) {
                sendOption(OPT_ABORT, new byte[0]);
                return names;
            }
            ByteBuffer data = ByteBuffer.wrap(reply.data);
            if (data.remaining() < Integer.BYTES) {
                throw new IOException("the server's list of exports is malformed");
            }
            int length = data.getInt();
            if (length < 0 || length > data.remaining()) {
                throw new IOException("the server's list of exports is malformed");
            }
            names.add(new String(reply.data, Integer.BYTES, length, StandardCharsets.UTF_8));
        }
        throw new IOException("the server's list of exports has no end");
    }

    private void greet() throws IOException {
        if (input.nextLong() != NBDMAGIC || input.nextLong() != IHAVEOPT) {
            throw new IOException("there is no NBD server of the fixed newstyle kind");
        }
        input.need(Short.BYTES);
        int flags = input.getUnsignedShort();
        if ((flags & FLAG_FIXED_NEWSTYLE) == 0) {
            throw new IOException("there is no NBD server of the fixed newstyle kind");
        }
        noZeroes = (flags & FLAG_NO_ZEROES) != 0;
        send(ByteBuffer.allocate(Integer.BYTES).putInt(FLAG_FIXED_NEWSTYLE | (noZeroes ? FLAG_NO_ZEROES : 0)));
        SSLContext context = options.tls();
        if (context != null) {
            startTls(context);
        }
    }

    private void startTls(SSLContext context) throws IOException {
        refuseErrors(ask(OPT_STARTTLS, new byte[0]), "TLS");
        String name = options.serverName();
        SSLEngine engine = name == null ? context.createSSLEngine()
                : context.createSSLEngine(name, Endpoint.DEFAULT_PORT);
        engine.setUseClientMode(true);
        if (name != null) {
            SSLParameters parameters = engine.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            engine.setSSLParameters(parameters);
        }
        TlsSocket tls = new TlsSocket(socket, engine);
        input.replace(tls);
        tls.handshake();
        socket = tls;
    }

    private long allocationContext(String name) throws IOException {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        byte[] query = BASE_ALLOCATION.getBytes(StandardCharsets.UTF_8);
        sendOption(OPT_SET_META_CONTEXT,
                ByteBuffer.allocate(3 * Integer.BYTES + bytes.length + query.length).putInt(bytes.length)
                        .put(bytes).putInt(1).putInt(query.length).put(query).array());
        long context = ClientSession.NO_CONTEXT;
        for (int count = 0; count < REPLY_LIMIT; count++) {
            Reply reply = reply(OPT_SET_META_CONTEXT);
            if (reply.type == REP_META_CONTEXT && reply.data.length > Integer.BYTES
                    && new String(reply.data, Integer.BYTES, reply.data.length - Integer.BYTES, StandardCharsets.UTF_8)
                            .equals(BASE_ALLOCATION)) {
                context = Integer.toUnsignedLong(ByteBuffer.wrap(reply.data).getInt());
            } else if (reply.type == REP_ACK || (reply.type & REP_ERROR) != 0) {
                return context;
            }
        }
        throw new IOException("the server never came to an end with its answer");
    }

    private ClientSession chooseByName(byte[] name, boolean structured, long context) throws IOException {
        sendOption(OPT_EXPORT_NAME, name);
        long size = input.nextLong();
        input.need(Short.BYTES);
        int flags = input.getUnsignedShort();
        if (!noZeroes) {
            input.skip(EXPORT_NAME_PADDING_BYTES);
        }
        return new ClientSession(socket, input, size, flags, structured, context, 1, PAYLOAD_LIMIT_BYTES);
    }

    private Reply ask(int option, byte[] data) throws IOException {
        sendOption(option, data);
        return reply(option);
    }

    private void sendOption(int option, byte[] data) throws IOException {
        send(ByteBuffer.allocate(16 + data.length).putLong(IHAVEOPT).putInt(option).putInt(data.length).put(data));
    }

    private Reply reply(int option) throws IOException {
        if (input.nextLong() != OPTION_REPLY_MAGIC || input.nextInt() != option) {
            throw new IOException("the server answered something that is no NBD option reply");
        }
        int type = input.nextInt();
        int length = input.nextInt();
        if (length < 0 || length > REPLY_LIMIT_BYTES) {
            throw new IOException("the server answered an option with " + Integer.toUnsignedString(length) + " bytes");
        }
        return new Reply(type, input.bytes(length));
    }

    private static void refuseErrors(Reply reply, String what) throws IOException {
        if ((reply.type & REP_ERROR) == 0) {
            return;
        }
        String reason = switch (reply.type) {
            case REP_ERR_UNSUP -> "it does not know that option";
            case REP_ERR_POLICY -> "it does not allow it";
            case REP_ERR_TLS_REQD -> "it requires TLS";
            case REP_ERR_UNKNOWN -> "it has no such export";
            case REP_ERR_SHUTDOWN -> "it is shutting down";
            case REP_ERR_BLOCK_SIZE_REQD -> "it requires other block sizes";
            default -> "error " + (reply.type & ~REP_ERROR);
        };
        String said = new String(reply.data, StandardCharsets.UTF_8);
        throw new IOException(what + ": the server refuses: " + reason + (said.isEmpty() ? "" : " (" + said + ")"));
    }

    private void send(ByteBuffer filled) throws IOException {
        socket.write(new ByteBuffer[]{filled.flip()}, 1);
    }

    /** A reply to an option. */
    private static final class Reply {
        private final int type;
        private final byte[] data;

        Reply(int type, byte[] data) {
            this.type = type;
            this.data = data;
        }
    }
}

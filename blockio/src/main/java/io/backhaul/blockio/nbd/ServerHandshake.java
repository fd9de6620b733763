package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;

/** The handshake of the server: fixed newstyle, one option after another, until the client goes on, aborts or breaks the rules. */
final class ServerHandshake {
    private static final int OPTION_LIMIT = 1024;
    private static final int OPTION_LIMIT_BYTES = 64 * 1024;
    /** An option larger than this is not worth skipping. */
    private static final int OPTION_SKIP_LIMIT_BYTES = 1 << 20;
    private static final int INPUT_BUFFER_BYTES = 256 * 1024;
    private static final int PREFERRED_BLOCK_BYTES = 4096;
    private static final int EXPORT_NAME_PADDING_BYTES = 124;

    private final NbdServerOptions options;
    private final Function<String, @Nullable Export> exports;
    private final Supplier<List<String>> names;
    private final NbdInput input;
    private NbdSocket socket;
    private boolean noZeroes;
    private boolean secure;
    private boolean structured;
    private @Nullable String allocationOf;

    ServerHandshake(NbdSocket socket, NbdServerOptions options, Function<String, @Nullable Export> exports,
            Supplier<List<String>> names) {
        this.socket = socket;
        this.options = options;
        this.exports = exports;
        this.names = names;
        this.input = new NbdInput(socket, INPUT_BUFFER_BYTES);
    }

    /** Talks until an export is chosen; null if the client left in good order. */
    @Nullable
    NegotiatedSession run() throws IOException {
        send(ByteBuffer.allocate(18).putLong(NBDMAGIC).putLong(IHAVEOPT)
                .putShort((short) (FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)));
        if (!input.await(Integer.BYTES)) {
            return null;
        }
        int clientFlags = input.getInt();
        if ((clientFlags & ~(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)) != 0) {
            throw new ProtocolBreach("the client set unknown handshake flags: " + Integer.toHexString(clientFlags));
        }
        noZeroes = (clientFlags & FLAG_NO_ZEROES) != 0;
        for (int count = 0; count < OPTION_LIMIT; count++) {
            if (!input.await(Long.BYTES)) {
                return null;
            }
            long magic = input.getLong();
            if (magic != IHAVEOPT) {
                throw new ProtocolBreach(
                        "an option starts with " + Long.toHexString(magic) + ", which is no NBD option");
            }
            int option = input.nextInt();
            long length = Integer.toUnsignedLong(input.nextInt());
            if (length > OPTION_SKIP_LIMIT_BYTES) {
                throw new ProtocolBreach("an option of " + length + " bytes is larger than any option can be");
            }
            if (length > OPTION_LIMIT_BYTES) {
                input.skip(length);
                reply(option, REP_ERR_TOO_BIG, "the option is too large");
                continue;
            }
            byte[] data = input.bytes((int) length);
            if (option == OPT_ABORT) {
                reply(option, REP_ACK, "");
                return null;
            }
            NegotiatedSession session = answer(option, data);
            if (session != null) {
                return session;
            }
        }
        throw new ProtocolBreach("the client sent more than " + OPTION_LIMIT + " options");
    }

    private @Nullable NegotiatedSession answer(int option, byte[] data) throws IOException {
        if (options.tlsRequired() && !secure && option != OPT_STARTTLS) {
            if (option == OPT_EXPORT_NAME) {
                throw new ProtocolBreach("the client did not start TLS, which is required here");
            }
            reply(option, REP_ERR_TLS_REQD, "start TLS first");
            return null;
        }
        try {
            switch (option) {
                case OPT_EXPORT_NAME -> {
                    return chosenByName(text(ByteBuffer.wrap(data), data.length));
                }
                case OPT_LIST -> list(data);
                case OPT_STARTTLS -> startTls(data);
                case OPT_INFO, OPT_GO -> {
                    return described(option, ByteBuffer.wrap(data));
                }
                case OPT_STRUCTURED_REPLY -> structuredReply(data);
                case OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT -> contexts(option, ByteBuffer.wrap(data));
                default ->
                    reply(option, REP_ERR_UNSUP, "option " + Integer.toUnsignedString(option) + " is not known here");
            }
        } catch (BufferUnderflowException | IllegalArgumentException malformed) {
            if (option == OPT_EXPORT_NAME) {
                throw new ProtocolBreach("the export name is longer than " + NAME_LIMIT_BYTES + " bytes");
            }
            reply(option, REP_ERR_INVALID, "the option's data has not the right shape");
        }
        return null;
    }

    private NegotiatedSession chosenByName(String name) throws IOException {
        Export export = exports.apply(name);
        if (export == null) {
            throw new ProtocolBreach("the client asked for the export \"" + name + "\", which there is not");
        }
        ByteBuffer reply = ByteBuffer.allocate(10 + (noZeroes ? 0 : EXPORT_NAME_PADDING_BYTES));
        send(reply.putLong(export.device().sizeBytes()).putShort((short) export.transmissionFlags())
                .position(reply.capacity()));
        return session(export, name);
    }

    private NegotiatedSession session(Export export, String name) {
        return new NegotiatedSession(export, socket, input, structured, structured && name.equals(allocationOf));
    }

    private void list(byte[] data) throws IOException {
        if (data.length != 0) {
            reply(OPT_LIST, REP_ERR_INVALID, "this option has no data");
            return;
        }
        for (String name : names.get()) {
            byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
            reply(OPT_LIST, REP_SERVER,
                    ByteBuffer.allocate(Integer.BYTES + bytes.length).putInt(bytes.length).put(bytes).array());
        }
        reply(OPT_LIST, REP_ACK, "");
    }

    private void startTls(byte[] data) throws IOException {
        SSLContext context = options.tls();
        if (data.length != 0 || secure) {
            reply(OPT_STARTTLS, REP_ERR_INVALID, secure ? "TLS is on already" : "this option has no data");
        } else if (context == null) {
            reply(OPT_STARTTLS, REP_ERR_POLICY, "there is no TLS here");
        } else {
            reply(OPT_STARTTLS, REP_ACK, "");
            SSLEngine engine = context.createSSLEngine();
            engine.setUseClientMode(false);
            engine.setNeedClientAuth(options.clientCertificates());
            TlsSocket tls = new TlsSocket(socket, engine);
            input.replace(tls);
            tls.handshake();
            socket = tls;
            secure = true;
            structured = false;
            allocationOf = null;
        }
    }

    private @Nullable NegotiatedSession described(int option, ByteBuffer data) throws IOException {
        String name = text(data, data.getInt());
        int count = Short.toUnsignedInt(data.getShort());
        if (data.remaining() != count * Short.BYTES) {
            throw new BufferUnderflowException();
        }
        Export export = exports.apply(name);
        if (export == null) {
            reply(option, REP_ERR_UNKNOWN, "there is no export of that name");
            return null;
        }
        BlockDevice device = export.device();
        reply(option, REP_INFO, ByteBuffer.allocate(12).putShort((short) INFO_EXPORT).putLong(device.sizeBytes())
                .putShort((short) export.transmissionFlags()).array());
        for (int index = 0; index < count; index++) {
            switch (Short.toUnsignedInt(data.getShort())) {
                case INFO_NAME -> infoText(option, INFO_NAME, export.name());
                case INFO_DESCRIPTION -> infoText(option, INFO_DESCRIPTION, device.toString());
                case INFO_BLOCK_SIZE ->
                    reply(option, REP_INFO, ByteBuffer.allocate(14).putShort((short) INFO_BLOCK_SIZE).putInt(1)
                            .putInt(PREFERRED_BLOCK_BYTES).putInt(PAYLOAD_LIMIT_BYTES).array());
                default -> {
                }
            }
        }
        reply(option, REP_ACK, "");
        return option == OPT_GO ? session(export, name) : null;
    }

    private void infoText(int option, int kind, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length <= NAME_LIMIT_BYTES) {
            reply(option, REP_INFO,
                    ByteBuffer.allocate(Short.BYTES + bytes.length).putShort((short) kind).put(bytes).array());
        }
    }

    private void structuredReply(byte[] data) throws IOException {
        if (data.length != 0) {
            reply(OPT_STRUCTURED_REPLY, REP_ERR_INVALID, "this option has no data");
            return;
        }
        structured = true;
        reply(OPT_STRUCTURED_REPLY, REP_ACK, "");
    }

    private void contexts(int option, ByteBuffer data) throws IOException {
        String name = text(data, data.getInt());
        long count = Integer.toUnsignedLong(data.getInt());
        List<String> queries = new ArrayList<>();
        for (long index = 0; index < count; index++) {
            queries.add(text(data, data.getInt()));
        }
        if (data.hasRemaining()) {
            throw new BufferUnderflowException();
        }
        if (!structured) {
            reply(option, REP_ERR_INVALID, "ask for structured replies first");
            return;
        }
        boolean set = option == OPT_SET_META_CONTEXT;
        if (set) {
            allocationOf = null;
        }
        if (exports.apply(name) == null) {
            reply(option, REP_ERR_UNKNOWN, "there is no export of that name");
            return;
        }
        boolean wanted = queries.contains(BASE_ALLOCATION)
                || (!set && (queries.isEmpty() || queries.contains("base:")));
        if (wanted) {
            byte[] context = BASE_ALLOCATION.getBytes(StandardCharsets.UTF_8);
            reply(option, REP_META_CONTEXT, ByteBuffer.allocate(Integer.BYTES + context.length)
                    .putInt(set ? DeviceWork.ALLOCATION_CONTEXT_ID : 0).put(context).array());
            if (set) {
                allocationOf = name;
            }
        }
        reply(option, REP_ACK, "");
    }

    /** Takes a text of that length; throws one of the two exceptions that stand for a wrong shape. */
    private static String text(ByteBuffer data, int length) {
        if (length < 0 || length > NAME_LIMIT_BYTES) {
            throw new IllegalArgumentException("a text of " + Integer.toUnsignedString(length) + " bytes");
        }
        byte[] bytes = new byte[length];
        data.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private void reply(int option, int type, String text) throws IOException {
        reply(option, type, text.getBytes(StandardCharsets.UTF_8));
    }

    private void reply(int option, int type, byte[] data) throws IOException {
        send(ByteBuffer.allocate(20 + data.length).putLong(OPTION_REPLY_MAGIC).putInt(option).putInt(type)
                .putInt(data.length).put(data));
    }

    private void send(ByteBuffer filled) throws IOException {
        socket.write(new ByteBuffer[]{filled.flip()}, 1);
    }
}

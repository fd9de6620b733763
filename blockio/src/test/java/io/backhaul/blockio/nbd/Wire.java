package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/** A client made by hand, byte by byte, that may say what a good one would not. */
final class Wire implements AutoCloseable {
    private final SocketChannel channel;

    Wire(Endpoint endpoint) throws IOException {
        channel = SocketChannel.open(endpoint.family());
        channel.connect(endpoint.address());
    }

    /** Greets and sets these client flags. */
    Wire greeted(int flags) throws IOException {
        ByteBuffer greeting = take(18);
        assertThat(greeting.getLong()).isEqualTo(0x4e42444d41474943L);
        assertThat(greeting.getLong()).isEqualTo(0x49484156454F5054L);
        assertThat(greeting.getShort()).isEqualTo((short) 3);
        send(ByteBuffer.allocate(4).putInt(flags));
        return this;
    }

    /** Greets and goes on with an export, with structured replies and base:allocation if wanted. */
    Wire gone(String export, boolean structured) throws IOException {
        greeted(3);
        if (structured) {
            option(OPT_STRUCTURED_REPLY, new byte[0]);
            assertThat(reply(OPT_STRUCTURED_REPLY).type()).isEqualTo(REP_ACK);
            option(OPT_SET_META_CONTEXT, contexts(export, BASE_ALLOCATION));
            assertThat(reply(OPT_SET_META_CONTEXT).type()).isEqualTo(REP_META_CONTEXT);
            assertThat(reply(OPT_SET_META_CONTEXT).type()).isEqualTo(REP_ACK);
        }
        option(OPT_GO, go(export));
        assertThat(reply(OPT_GO).type()).isEqualTo(REP_INFO);
        assertThat(reply(OPT_GO).type()).isEqualTo(REP_ACK);
        return this;
    }

    static byte[] go(String export) {
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(6 + name.length).putInt(name.length).put(name).putShort((short) 0).array();
    }

    static byte[] contexts(String export, String... queries) {
        ByteBuffer data = ByteBuffer.allocate(4096);
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        data.putInt(name.length).put(name).putInt(queries.length);
        for (String query : queries) {
            byte[] bytes = query.getBytes(StandardCharsets.UTF_8);
            data.putInt(bytes.length).put(bytes);
        }
        byte[] array = new byte[data.position()];
        data.flip().get(array);
        return array;
    }

    void option(int option, byte[] data) throws IOException {
        send(ByteBuffer.allocate(16 + data.length).putLong(IHAVEOPT).putInt(option).putInt(data.length).put(data));
    }

    /** The next reply to an option. */
    OptionReply reply(int option) throws IOException {
        ByteBuffer head = take(20);
        assertThat(head.getLong()).isEqualTo(0x3e889045565a9L);
        assertThat(head.getInt()).isEqualTo(option);
        return new OptionReply(head.getInt(), take(head.getInt()));
    }

    record OptionReply(int type, ByteBuffer data) {}

    void request(int type, int flags, long cookie, long offset, long length) throws IOException {
        send(ByteBuffer.allocate(28).putInt(0x25609513).putShort((short) flags).putShort((short) type).putLong(cookie)
                .putLong(offset)
                .putInt((int) length));
    }

    /** The error of the next reply, a simple one to this cookie. */
    int simple(long cookie) throws IOException {
        ByteBuffer reply = take(16);
        assertThat(reply.getInt()).isEqualTo(0x67446698);
        int error = reply.getInt();
        assertThat(reply.getLong()).isEqualTo(cookie);
        return error;
    }

    /** The next chunk, of a structured reply to this cookie. */
    Chunk chunk(long cookie) throws IOException {
        ByteBuffer head = take(20);
        assertThat(head.getInt()).isEqualTo(0x668e33ef);
        int flags = head.getShort();
        int type = Short.toUnsignedInt(head.getShort());
        assertThat(head.getLong()).isEqualTo(cookie);
        return new Chunk(flags == 1, type, take(head.getInt()));
    }

    record Chunk(boolean done, int type, ByteBuffer data) {}

    void send(ByteBuffer filled) throws IOException {
        filled.flip();
        while (filled.hasRemaining()) {
            channel.write(filled);
        }
    }

    ByteBuffer take(int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                throw new EOFException(
                        "the server ended the connection after " + bytes.position() + " of " + count + " bytes");
            }
        }
        return bytes.flip();
    }

    /** True if the server ends the connection, whatever it says before. */
    boolean ends() {
        try {
            ByteBuffer rest = ByteBuffer.allocate(4096);
            while (channel.read(rest) >= 0) {
                rest.clear();
            }
            return true;
        } catch (IOException cut) {
            return true;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}

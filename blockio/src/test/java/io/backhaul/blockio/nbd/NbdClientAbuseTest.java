package io.backhaul.blockio.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.MemoryDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Servers that are broken: the client ends with an exception of its own, never hangs, never returns what was not read. */
@Timeout(60)
class NbdClientAbuseTest {
    private static final NbdClientOptions OPTIONS = NbdClientOptions.defaults().withLimitsMillis(1_000, 500);

    private SocketFolder folder;

    @BeforeEach
    void makeFolder() throws Exception {
        folder = new SocketFolder();
    }

    @AfterEach
    void deleteFolder() throws Exception {
        folder.close();
    }

    /** A real server behind a relay that flips one bit of what it says, at a place that the seed chooses. */
    @Test
    void aFlippedBitInWhatTheServerSaysNeverHangsTheClient() throws Exception {
        Endpoint.Unix behind = new Endpoint.Unix(folder.path().resolve("behind"));
        try (NbdServer server = NbdServer.listen(behind, NbdServerOptions.defaults())) {
            server.export("e", new MemoryDevice(1 << 20));
            for (long seed = 0; seed < 150; seed++) {
                Endpoint.Unix front = new Endpoint.Unix(folder.path().resolve("front" + seed));
                int flipAt = new Random(seed).nextInt(400);
                int mask = 1 << new Random(seed + 1_000_000).nextInt(8);
                try (ServerSocketChannel listener = ServerSocketChannel.open(front.family())) {
                    listener.bind(front.address());
                    Thread.ofPlatform().daemon().start(() -> relay(listener, behind, flipAt, mask));
                    use(front);
                }
            }
        }
    }

    @Test
    void aServerThatIsNoNbdServerIsNamed() throws Exception {
        try (ServerSocketChannel listener = ServerSocketChannel.open(folder.socket().family())) {
            listener.bind(folder.socket().address());
            Thread.ofPlatform().daemon().start(() -> {
                try (SocketChannel client = listener.accept()) {
                    client.write(ByteBuffer.wrap("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.UTF_8)));
                } catch (IOException gone) {
                    // the test looks at the client
                }
            });
            assertThatThrownBy(() -> NbdClient.connect(folder.socket(), "e", OPTIONS)).isInstanceOf(IOException.class)
                    .hasMessageContaining("no NBD server");
        }
    }

    @Test
    void aServerThatSaysNothingIsGivenUp() throws Exception {
        try (ServerSocketChannel listener = ServerSocketChannel.open(folder.socket().family())) {
            listener.bind(folder.socket().address());
            assertThatThrownBy(() -> NbdClient.connect(folder.socket(), "e", OPTIONS.withLimitsMillis(100, 0)))
                    .isInstanceOf(IOException.class).hasMessageContaining("longer than 100 ms");
        }
    }

    private static void use(Endpoint front) {
        try (NbdClient client = NbdClient.connect(front, "e", OPTIONS)) {
            client.write(0, ByteBuffer.wrap(new byte[]{1, 2, 3}));
            client.read(0, ByteBuffer.allocate(100));
            client.extents(0, 1 << 20, (at, length, zero) -> assertThat(length).isPositive());
            client.flush();
        } catch (IOException verdict) {
            assertThat(verdict).hasMessageMatching("(?s).+");
        }
    }

    private static void relay(ServerSocketChannel listener, Endpoint behind, int flipAt, int mask) {
        try (SocketChannel client = listener.accept(); SocketChannel server = SocketChannel.open(behind.family())) {
            server.connect(behind.address());
            Thread.ofPlatform().daemon().start(() -> copy(client, server, -1, 0));
            copy(server, client, flipAt, mask);
        } catch (IOException gone) {
            // the test looks at the client
        }
    }

    private static void copy(SocketChannel from, SocketChannel to, int flipAt, int mask) {
        ByteBuffer bytes = ByteBuffer.allocate(65_536);
        int seen = 0;
        try {
            while (from.read(bytes) >= 0) {
                bytes.flip();
                if (flipAt >= seen && flipAt < seen + bytes.limit()) {
                    bytes.put(flipAt - seen, (byte) (bytes.get(flipAt - seen) ^ mask));
                }
                seen += bytes.limit();
                while (bytes.hasRemaining()) {
                    to.write(bytes);
                }
                bytes.clear();
            }
            to.shutdownOutput();
        } catch (IOException gone) {
            // one side ended
        }
    }
}

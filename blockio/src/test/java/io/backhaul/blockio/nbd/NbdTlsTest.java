package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.MemoryDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.net.ssl.SSLContext;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class NbdTlsTest {
    private static SSLContext serverContext;
    private static SSLContext clientContext;
    private static SSLContext strangerContext;

    private final ConcurrentLinkedQueue<String> problems = new ConcurrentLinkedQueue<>();
    private NbdServer server;

    @BeforeAll
    static void makeKeys(@TempDir Path folder) throws Exception {
        KeyStore serverKeys = TestKeys.make(folder, "server");
        KeyStore clientKeys = TestKeys.make(folder, "client");
        serverContext = TestKeys.context(serverKeys, clientKeys);
        clientContext = TestKeys.context(clientKeys, serverKeys);
        strangerContext = TestKeys.context(TestKeys.make(folder, "stranger"), serverKeys);
    }

    @BeforeEach
    void listen() throws Exception {
        server = NbdServer.listen(Endpoint.parse("127.0.0.1:0"),
                NbdServerOptions.defaults().withTls(serverContext, true, true).withProblems(problems::add));
        server.export("e", new MemoryDevice(4 << 20));
    }

    @AfterEach
    void close() throws Exception {
        server.close();
    }

    @Test
    void aDiskBehindTlsBehavesAsAnArrayOfBytes() throws Exception {
        NbdClientOptions options = NbdClientOptions.defaults().withTls(clientContext, "localhost");
        try (NbdClient client = NbdClient.connect(server.endpoint(), "e", options)) {
            DeviceExercise.run(client, 31, 300);
        }
        server.export("more", new MemoryDevice(4 << 20));
        try (NbdClient client = NbdClient.connect(server.endpoint(), "more", options)) {
            DeviceExercise.runConcurrently(client, 32, 4, 200);
        }
    }

    @Test
    void whoDoesNotStartTlsIsToldTo() {
        assertThatThrownBy(() -> NbdClient.connect(server.endpoint(), "e", NbdClientOptions.defaults()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("requires TLS");
    }

    @Test
    void aClientWithAnotherCertificateIsRefused() {
        NbdClientOptions stranger = NbdClientOptions.defaults().withTls(strangerContext, "localhost");
        assertThatThrownBy(() -> NbdClient.connect(server.endpoint(), "e", stranger)).isInstanceOf(IOException.class);
    }

    @Test
    void aServerOfAnotherNameIsRefused() {
        NbdClientOptions elsewhere = NbdClientOptions.defaults().withTls(clientContext, "elsewhere.example");
        assertThatThrownBy(() -> NbdClient.connect(server.endpoint(), "e", elsewhere)).isInstanceOf(IOException.class)
                .hasMessageContaining("elsewhere.example");
    }

    @Test
    void aServerWithoutTlsIsRefusedByAClientThatWantsIt() throws Exception {
        try (NbdServer plain = NbdServer.listen(Endpoint.parse("127.0.0.1:0"), NbdServerOptions.defaults())) {
            plain.export("e", new MemoryDevice(512));
            NbdClientOptions options = NbdClientOptions.defaults().withTls(clientContext, null);
            assertThatThrownBy(() -> NbdClient.connect(plain.endpoint(), "e", options))
                    .hasMessageContaining("TLS: the server refuses");
        }
    }

    @Test
    void bytesSentAheadOfTheTlsHandshakeAreNotTakenForPartOfIt() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).greeted(3)) {
            ByteBuffer both = ByteBuffer.allocate(100);
            both.putLong(IHAVEOPT).putInt(OPT_STARTTLS).putInt(0);
            both.putLong(IHAVEOPT).putInt(OPT_EXPORT_NAME).putInt(1).put("e".getBytes(StandardCharsets.UTF_8));
            wire.send(both);
            assertThat(wire.ends()).isTrue();
        }
        Awaitility.await().untilAsserted(
                () -> assertThat(problems).anyMatch(text -> text.contains("ahead of the TLS handshake")));
    }
}

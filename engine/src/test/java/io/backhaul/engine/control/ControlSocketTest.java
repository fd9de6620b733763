package io.backhaul.engine.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ControlSocketTest {
    /** Sockets need short paths, which build folders are not. */
    private Path folder = Path.of("");
    private Path socket = Path.of("");

    @BeforeEach
    void makeFolder() throws IOException {
        folder = Files.createTempDirectory(Path.of("/tmp"), "bh");
        socket = folder.resolve("control.sock");
    }

    @AfterEach
    void removeFolder() throws IOException {
        try (var content = Files.list(folder)) {
            for (Path file : content.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    private ControlClient client() {
        return new ControlClient(socket, Duration.ofSeconds(10));
    }

    private static ControlServer echo(Path socket) throws IOException {
        return ControlServer.listen(socket, Map.of("echo", (request, reply) -> reply.done(request)));
    }

    @Test
    void anAnswerComesWithItsProgress() throws Exception {
        ControlHandler count = (request, reply) -> {
            for (int step = 1; step <= 3; step++) {
                reply.progress(Map.of("step", step, "state", "of the role"));
            }
            reply.done(Map.of("total", request.get("of")));
        };
        List<Object> steps = new ArrayList<>();
        try (var server = ControlServer.listen(socket, Map.of("count", count))) {
            assertThat(server.path()).isEqualTo(socket);
            Map<String, Object> last = client().ask("count", Map.of("of", "three"), line -> {
                steps.add(line.get("step"));
                assertThat(line).containsEntry("state", "of the role");
            });
            assertThat(last).containsEntry("total", "three").hasSize(1);
        }
        assertThat(steps).containsExactly(1, 2, 3);
    }

    @Test
    void theSocketIsItsOwnersAloneAndGoesWithTheServer() throws Exception {
        try (var server = echo(socket)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(server.path())))
                    .isEqualTo("rw-------");
        }
        assertThat(socket).doesNotExist();
    }

    @Test
    void aSocketInUseIsRefusedAndGoesOnWorking() throws Exception {
        try (var server = echo(socket)) {
            assertThatThrownBy(() -> echo(server.path())).isInstanceOf(IOException.class)
                    .hasMessageContaining("is in use").hasMessageContaining("running already");
            assertThat(client().ask("echo", Map.of("a", 1))).containsEntry("a", 1);
        }
    }

    @Test
    void theSocketOfADeadProcessIsReplaced() throws Exception {
        try (var dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(socket));
        }
        assertThat(socket).exists();
        try (var server = echo(socket)) {
            assertThat(client().ask("echo", Map.of("a", 1))).containsEntry("a", 1);
            assertThat(server.path()).exists();
        }
    }

    @Test
    void anotherKindOfFileIsNeverReplaced() throws Exception {
        Files.writeString(socket, "precious");
        assertThatThrownBy(() -> echo(socket)).hasMessageContaining("something else stands there");
        assertThat(socket).hasContent("precious");
    }

    @Test
    void aDaemonThatDoesNotRunIsSaidSo() {
        assertThatThrownBy(() -> client().ask("echo", Map.of())).isInstanceOf(ControlFault.class)
                .hasMessageContaining("not running").hasMessageContaining("no socket");
    }

    @Test
    void anUnknownVerbNamesTheKnownOnes() throws Exception {
        try (var server = echo(socket)) {
            assertThatThrownBy(() -> client().ask("ehco", Map.of())).hasMessageContaining("'ehco'")
                    .hasMessageContaining("[echo]");
            assertThat(server.path()).exists();
        }
    }

    @Test
    void aFaultOfTheHandlerReachesTheClientAsItIs() throws Exception {
        ControlHandler refuse = (request, reply) -> {
            throw new ControlFault("no such point; list them");
        };
        try (var server = ControlServer.listen(socket, Map.of("refuse", refuse))) {
            assertThatThrownBy(() -> client().ask("refuse", Map.of())).hasMessage("no such point; list them");
            assertThat(server.path()).exists();
        }
    }

    @Test
    void whatIsNoRequestIsAnsweredAndHarmsNobody() throws Exception {
        try (var server = echo(socket)) {
            assertThat(answerTo("nonsense\n")).contains("failed").contains("no JSON object");
            assertThat(answerTo("[1,2]\n")).contains("failed");
            assertThat(answerTo("{}\n")).contains("does not know 'null'");
            assertThat(answerTo("x".repeat(ControlLine.MAX_REQUEST_BYTES + 10))).isEmpty();
            assertThat(client().ask("echo", Map.of("a", 1))).containsEntry("a", 1);
            assertThat(server.path()).exists();
        }
    }

    private String answerTo(String text) throws IOException {
        var answer = new StringBuilder();
        try (var channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            ByteBuffer rest = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
            ByteBuffer read = ByteBuffer.allocate(4096);
            while (channel.read(read) >= 0) {
                answer.append(StandardCharsets.UTF_8.decode(read.flip()));
                read.clear();
            }
        } catch (IOException cut) {
            return answer.toString();
        }
        return answer.toString();
    }

    @Test
    void severalClientsAreAnsweredAtOnce() throws Exception {
        int clients = 20;
        var together = new CountDownLatch(clients);
        ControlHandler meet = (request, reply) -> {
            together.countDown();
            if (!together.await(20, TimeUnit.SECONDS)) {
                throw new ControlFault("the others never came");
            }
            reply.done(Map.of());
        };
        List<String> failures = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        try (var server = ControlServer.listen(socket, Map.of("meet", meet))) {
            for (int index = 0; index < clients; index++) {
                threads.add(Thread.ofVirtual().start(() -> ask("meet", failures)));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(server.path()).exists();
        }
        assertThat(failures).isEmpty();
    }

    private void ask(String verb, List<String> failures) {
        try {
            new ControlClient(socket, Duration.ofSeconds(30)).ask(verb, Map.of());
        } catch (ControlFault fault) {
            failures.add(String.valueOf(fault.getMessage()));
        }
    }

    @Test
    void aSilentDaemonIsGivenUp() throws Exception {
        var release = new CountDownLatch(1);
        ControlHandler sleep = (request, reply) -> release.await();
        try (var server = ControlServer.listen(socket, Map.of("sleep", sleep))) {
            assertThatThrownBy(() -> new ControlClient(server.path(), Duration.ofMillis(50)).ask("sleep", Map.of()))
                    .hasMessageContaining("has not answered in time");
        }
        release.countDown();
    }

    @Test
    void closingEndsWhatIsBeingAnswered() throws Exception {
        var begun = new CountDownLatch(1);
        List<String> failures = Collections.synchronizedList(new ArrayList<>());
        ControlHandler sleep = (request, reply) -> {
            begun.countDown();
            new CountDownLatch(1).await();
        };
        var server = ControlServer.listen(socket, Map.of("sleep", sleep));
        Thread client = Thread.ofVirtual().start(() -> ask("sleep", failures));
        assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
        server.close();
        client.join();
        assertThat(failures).hasSize(1);
    }

    @Test
    void theServiceManagerIsToldByADatagram() throws Exception {
        Path notify = folder.resolve("notify.sock");
        assertThat(notify).doesNotExist();
        ServiceNotice.sendTo(notify.toString(), ServiceNotice.READY);
        Process listener;
        try {
            listener = new ProcessBuilder("python3", "-c", """
                    import socket,sys
                    s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(sys.argv[1])
                    print(s.recv(100).decode(), flush=True)
                    """, notify.toString()).redirectErrorStream(true).start();
        } catch (IOException absent) {
            System.out.println("not judged: python3 is not installed (" + absent.getMessage() + ")");
            return;
        }
        try {
            Awaitility.await().until(() -> Files.exists(notify));
            ServiceNotice.sendTo(notify.toString(), ServiceNotice.READY);
            assertThat(new String(listener.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .contains("READY=1");
        } finally {
            listener.destroyForcibly();
        }
    }
}

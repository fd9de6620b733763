package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;
import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.MemoryDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that are broken, hostile or gone: each costs its own connection only. */
@Timeout(60)
class NbdAbuseTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int SIZE_BYTES = 1 << 20;

    private final ConcurrentLinkedQueue<String> problems = new ConcurrentLinkedQueue<>();
    private SocketFolder folder;
    private NbdServer server;
    private ScriptedDevice device;

    @BeforeEach
    void listen() throws Exception {
        folder = new SocketFolder();
        device = new ScriptedDevice(SIZE_BYTES);
        serve(NbdServerOptions.defaults());
    }

    @AfterEach
    void close() throws Exception {
        device.release();
        server.close();
        folder.close();
    }

    @Test
    void randomBytesInsteadOfAHandshakeNeverHarmTheServer() throws Exception {
        for (long seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            try (Wire wire = new Wire(server.endpoint())) {
                if (random.nextBoolean()) {
                    wire.greeted(3);
                }
                if (random.nextBoolean()) {
                    wire.option(random.nextInt(12), bytes(random, random.nextInt(40)));
                }
                wire.send(ByteBuffer.allocate(5000).put(bytes(random, 1 + random.nextInt(4000))));
            } catch (IOException cut) {
                // the server may end the connection at any byte
            }
        }
        serverIsWell();
    }

    @Test
    void randomBytesInsteadOfRequestsNeverHarmTheServer() throws Exception {
        for (long seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            try (Wire wire = new Wire(server.endpoint()).gone("e", random.nextBoolean())) {
                for (int count = random.nextInt(4); count > 0; count--) {
                    wire.request(random.nextInt(10), random.nextInt(32), count, random.nextInt(SIZE_BYTES),
                            random.nextInt(5000));
                }
                wire.send(ByteBuffer.allocate(5000).put(bytes(random, 1 + random.nextInt(4000))));
            } catch (IOException cut) {
                // the server may end the connection at any byte
            }
        }
        assertThat(problems).allSatisfy(problem -> assertThat(problem).doesNotContain("a bug"));
        serverIsWell();
    }

    @Test
    void aConnectionCutInsideAPayloadWritesNothing() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            wire.request(CMD_WRITE, 0, 1, 0, 400_000);
            wire.send(ByteBuffer.allocate(300_000).put(bytes(new Random(1), 300_000)));
        }
        Awaitility.await().atMost(PATIENCE).until(() -> server.connectionCount() == 0);
        assertThat(device.writes.get()).isZero();
        serverIsWell();
    }

    @Test
    void aClientThatNeverChoosesAnExportIsCutOff() throws Exception {
        serve(NbdServerOptions.defaults().withHandshakeLimitMillis(100));
        try (Wire wire = new Wire(server.endpoint()).greeted(3)) {
            assertThat(wire.ends()).isTrue();
        }
        Awaitility.await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(problems).anyMatch(text -> text.contains("took too long")));
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            Awaitility.await().pollDelay(Duration.ofMillis(300)).atMost(PATIENCE).until(() -> true);
            wire.request(CMD_FLUSH, 0, 1, 0, 0);
            assertThat(wire.simple(1)).as("one that chose in time stays").isZero();
        }
    }

    @Test
    void connectionsBeyondTheLimitAreTurnedAway() throws Exception {
        serve(NbdServerOptions.defaults().withConnectionLimit(2));
        try (Wire one = new Wire(server.endpoint()).gone("e", false);
                Wire two = new Wire(server.endpoint()).gone("e", false)) {
            try (Wire three = new Wire(server.endpoint())) {
                assertThat(three.ends()).isTrue();
            }
            Awaitility.await().atMost(PATIENCE).untilAsserted(
                    () -> assertThat(problems).anyMatch(text -> text.contains("2 are connected already")));
            one.request(CMD_DISC, 0, 0, 0, 0);
            assertThat(one.ends()).isTrue();
            Awaitility.await().atMost(PATIENCE).until(() -> server.connectionCount() == 1);
            new Wire(server.endpoint()).gone("e", false).close();
            two.request(CMD_FLUSH, 0, 1, 0, 0);
            assertThat(two.simple(1)).isZero();
        }
    }

    @Test
    void aServerWhoseDiskStandsStillStopsTakingRequests() throws Exception {
        serve(NbdServerOptions.defaults().withInFlightLimits(256 << 10, 8));
        Semaphore gate = new Semaphore(0);
        device.gate = gate;
        int requests = 256;
        int payload = 64 << 10;
        AtomicInteger sent = new AtomicInteger();
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            Thread sender = Thread.ofPlatform().daemon().start(() -> {
                try {
                    while (sent.get() < requests) {
                        wire.request(CMD_WRITE, CMD_FLAG_FUA, sent.get(), 0, payload);
                        wire.send(ByteBuffer.allocate(payload).position(payload));
                        sent.incrementAndGet();
                    }
                } catch (IOException cut) {
                    // the count tells
                }
            });
            Awaitility.await().atMost(PATIENCE).until(() -> device.inside.get() == 4);
            int[] before = {-1};
            Awaitility.await().pollInterval(Duration.ofMillis(200)).atMost(PATIENCE)
                    .until(() -> before[0] == (before[0] = sent.get()));
            assertThat(sent.get() * payload).as("bytes taken from the client").isLessThan(4 << 20);
            gate.release(2 * requests);
            for (int count = 0; count < requests; count++) {
                wire.take(16);
            }
            sender.join();
            assertThat(device.writes.get()).isEqualTo(requests);
        }
        serverIsWell();
    }

    @Test
    void aClientThatDoesNotTakeItsRepliesHoldsUpNobodyElse() throws Exception {
        try (Wire stuck = new Wire(server.endpoint()).gone("e", false)) {
            Thread flood = Thread.ofPlatform().daemon().start(() -> {
                try {
                    for (int cookie = 0; cookie < 10_000; cookie++) {
                        stuck.request(CMD_READ, 0, cookie, 0, 512 << 10);
                    }
                } catch (IOException cut) {
                    // the server went away first
                }
            });
            Awaitility.await().atMost(PATIENCE).until(() -> device.reads.get() > 2);
            serverIsWell();
            assertThat(flood.isAlive() || device.reads.get() > 2).isTrue();
            server.close();
            Awaitility.await().atMost(PATIENCE).until(() -> server.connectionCount() == 0);
        }
    }

    private void serve(NbdServerOptions options) throws IOException {
        if (server != null) {
            server.close();
        }
        server = NbdServer.listen(folder.socket(), options.withProblems(problems::add));
        server.export("e", device);
        server.export("memory", new MemoryDevice(SIZE_BYTES));
    }

    private void serverIsWell() throws IOException {
        try (NbdClient client = NbdClient.connect(server.endpoint(), "memory", NbdClientOptions.defaults())) {
            client.write(3, ByteBuffer.wrap(new byte[]{1, 2, 3}));
            byte[] read = new byte[3];
            client.read(3, ByteBuffer.wrap(read));
            assertThat(read).containsExactly(1, 2, 3);
        }
    }

    private static byte[] bytes(Random random, int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }
}

package io.backhaul.blockio.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.MemoryDevice;
import io.backhaul.blockio.ReadOnlyDeviceException;
import io.backhaul.blockio.file.RawDevice;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class NbdRoundTripTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int SIZE_BYTES = 4 << 20;

    private SocketFolder folder;
    private NbdServer server;
    private ScriptedDevice device;

    @BeforeEach
    void listen() throws Exception {
        device = new ScriptedDevice(SIZE_BYTES);
        folder = new SocketFolder();
        server = NbdServer.listen(folder.socket(), NbdServerOptions.defaults());
    }

    @AfterEach
    void close() throws Exception {
        device.release();
        server.close();
        folder.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aRemoteDiskBehavesAsAnArrayOfBytes(long seed) throws Exception {
        server.export("memory", new MemoryDevice(SIZE_BYTES));
        try (NbdClient client = connect("memory")) {
            assertThat(client.sizeBytes()).isEqualTo(SIZE_BYTES);
            DeviceExercise.run(client, seed, 1_000);
        }
    }

    @Test
    void severalThreadsShareOneConnectionAndSeveralConnectionsOneDisk() throws Exception {
        server.export("memory", new MemoryDevice(SIZE_BYTES));
        try (NbdClient client = connect("memory")) {
            DeviceExercise.runConcurrently(client, 4, 8, 300);
        }
        server.export("more", new MemoryDevice(SIZE_BYTES));
        try (NbdClient one = connect("more"); NbdClient two = connect("more")) {
            one.write(5, ByteBuffer.wrap(new byte[]{1, 2, 3}));
            byte[] read = new byte[3];
            two.read(5, ByteBuffer.wrap(read));
            assertThat(read).containsExactly(1, 2, 3);
        }
    }

    @Test
    void aFileIsServedOverTcpWithItsHoles() throws Exception {
        try (RawDevice file = RawDevice.create(folder.path().resolve("disk"), 64 << 20);
                NbdServer tcp = NbdServer.listen(Endpoint.parse("127.0.0.1:0"), NbdServerOptions.defaults())) {
            tcp.export("file", file);
            try (NbdClient client = NbdClient.connect(tcp.endpoint(), "file", NbdClientOptions.defaults())) {
                client.write(8 << 20, ByteBuffer.wrap(new byte[]{1}));
                client.flush();
                List<String> runs = new ArrayList<>();
                client.extents(1 << 20, 32 << 20,
                        (at, length, zero) -> runs.add(at + "+" + length + (zero ? " zero" : " data")));
                assertThat(runs).containsExactly("1048576+7340032 zero", "8388608+4096 data", "8392704+26210304 zero");
                byte[] large = new byte[40 << 20];
                ByteBuffer target = ByteBuffer.wrap(large);
                client.read(0, target);
                assertThat(target.remaining()).isZero();
                assertThat(large[8 << 20]).isEqualTo((byte) 1);
            }
            try (NbdClient client = NbdClient.connect(tcp.endpoint(), "file", NbdClientOptions.defaults())) {
                client.zero(0, client.sizeBytes());
                DeviceExercise.runConcurrently(client, 6, 4, 100);
            }
        }
    }

    @Test
    void failuresOfTheDiskReachTheCallerAsWhatTheyAre() throws Exception {
        server.export("scripted", device);
        try (NbdClient client = connect("scripted")) {
            device.failure = new DeviceFullException("no space");
            assertThatThrownBy(() -> client.write(0, ByteBuffer.allocate(10))).isInstanceOf(DeviceFullException.class)
                    .hasMessageContaining("ENOSPC");
            device.failure = new ReadOnlyDeviceException("no");
            assertThatThrownBy(() -> client.write(0, ByteBuffer.allocate(10)))
                    .isInstanceOf(ReadOnlyDeviceException.class);
            device.failure = new IOException("sector 17 is bad");
            assertThatThrownBy(() -> client.read(0, ByteBuffer.allocate(10))).isInstanceOf(IOException.class)
                    .hasMessageContaining("EIO").hasMessageContaining("sector 17 is bad");
            assertThatThrownBy(client::flush).isInstanceOf(IOException.class).hasMessageContaining("EIO");
            device.failure = null;
            device.bug = new IllegalStateException("a bug");
            assertThatThrownBy(() -> client.zero(0, 10)).isInstanceOf(IOException.class).hasMessageContaining("EIO");
            device.bug = null;
            client.write(0, ByteBuffer.allocate(10));
            assertThatThrownBy(() -> client.read(SIZE_BYTES, ByteBuffer.allocate(1))).isInstanceOf(EOFException.class);
        }
    }

    @Test
    void aReadOnlyDiskIsReadOnlyAtTheOtherEnd() throws Exception {
        server.export("fixed", new MemoryDevice(SIZE_BYTES, 512, true));
        try (NbdClient client = connect("fixed")) {
            assertThat(client.readOnly()).isTrue();
            assertThatThrownBy(() -> client.write(0, ByteBuffer.allocate(1)))
                    .isInstanceOf(ReadOnlyDeviceException.class);
            client.flush();
        }
    }

    @Test
    void exportsAreListedAndAnUnknownOneIsNamed() throws Exception {
        server.export("b", new MemoryDevice(512));
        server.export("a", new MemoryDevice(512));
        assertThat(NbdClient.exports(server.endpoint(), NbdClientOptions.defaults())).containsExactly("a", "b");
        assertThatThrownBy(() -> connect("c")).isInstanceOf(IOException.class).hasMessageContaining("no such export")
                .hasMessageContaining("\"c\"");
        assertThatThrownBy(() -> server.export("a", new MemoryDevice(512)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> connect("")).hasMessageContaining("no such export");
        assertThat(server.remove("b")).isTrue();
        assertThat(server.remove("b")).isFalse();
        connect("").close();
    }

    @Test
    void slowRequestsDoNotHoldUpOthersOfTheSameConnection() throws Exception {
        server.export("slow", device);
        try (NbdClient client = connect("slow")) {
            Semaphore gate = new Semaphore(0);
            device.gate = gate;
            CompletableFuture<Void> flush = CompletableFuture.runAsync(() -> unchecked(client::flush));
            Awaitility.await().atMost(PATIENCE).until(() -> device.flushes.get() == 1);
            device.gate = null;
            client.write(0, ByteBuffer.allocate(100));
            assertThat(flush).isNotDone();
            gate.release();
            flush.get(20, TimeUnit.SECONDS);
        }
    }

    @Test
    void removingAnExportWaitsForItsRequestsAndThenNeverTouchesTheDisk() throws Exception {
        server.export("going", device);
        try (NbdClient client = connect("going")) {
            Semaphore gate = new Semaphore(0);
            device.gate = gate;
            CompletableFuture<Void> flush = CompletableFuture.runAsync(() -> unchecked(client::flush));
            Awaitility.await().atMost(PATIENCE).until(() -> device.inside.get() == 1);
            CompletableFuture<Boolean> removal = CompletableFuture.supplyAsync(() -> server.remove("going"));
            Awaitility.await().pollDelay(Duration.ofMillis(50)).atMost(PATIENCE).until(() -> !removal.isDone());
            gate.release();
            assertThat(removal.get(20, TimeUnit.SECONDS)).isTrue();
            flush.get(20, TimeUnit.SECONDS);
            int before = device.writes.get();
            assertThatThrownBy(() -> client.write(0, ByteBuffer.allocate(1))).isInstanceOf(IOException.class);
            assertThat(device.writes.get()).isEqualTo(before);
            Awaitility.await().atMost(PATIENCE).until(() -> server.connectionCount() == 0);
        }
    }

    @Test
    void closingTheServerFailsItsClientsAndRemovesTheSocket() throws Exception {
        server.export("memory", new MemoryDevice(SIZE_BYTES));
        try (NbdClient client = connect("memory")) {
            server.close();
            assertThatThrownBy(() -> client.read(0, ByteBuffer.allocate(1))).isInstanceOf(IOException.class)
                    .hasMessageContaining("connection has failed");
            assertThat(folder.path()).isEmptyDirectory();
            assertThatThrownBy(() -> connect("memory")).isInstanceOf(IOException.class)
                    .hasMessageContaining("NBD server unix:");
        }
    }

    @Test
    void closingTheClientFailsWhoStillWaits() throws Exception {
        server.export("slow", device);
        Semaphore gate = new Semaphore(0);
        device.gate = gate;
        NbdClient client = connect("slow");
        CompletableFuture<Void> flush = CompletableFuture.runAsync(() -> unchecked(client::flush));
        Awaitility.await().atMost(PATIENCE).until(() -> device.inside.get() == 1);
        client.close();
        assertThatThrownBy(() -> flush.get(20, TimeUnit.SECONDS)).isInstanceOf(ExecutionException.class)
                .hasMessageContaining("was closed");
        gate.release();
    }

    @Test
    void aServerThatOwesAReplyForTooLongIsGivenUp() throws Exception {
        server.export("slow", device);
        Semaphore gate = new Semaphore(0);
        device.gate = gate;
        NbdClientOptions impatient = NbdClientOptions.defaults().withLimitsMillis(10_000, 100);
        try (NbdClient client = NbdClient.connect(server.endpoint(), "slow", impatient)) {
            assertThatThrownBy(client::flush).isInstanceOf(IOException.class)
                    .hasMessageContaining("has not answered for 100 ms");
        } finally {
            gate.release();
        }
    }

    @Test
    void listeningWhereAnotherListensSaysSoAndAStaleSocketIsReplaced() throws Exception {
        assertThatThrownBy(() -> NbdServer.listen(folder.socket(), NbdServerOptions.defaults()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot listen on unix:").hasMessageContaining("another program listens there");
        Endpoint.Unix stale = new Endpoint.Unix(folder.path().resolve("stale"));
        try (var listener = ServerSocketChannel.open(stale.family())) {
            listener.bind(stale.address());
        }
        assertThat(stale.path()).exists();
        NbdServer.listen(stale, NbdServerOptions.defaults()).close();
        Endpoint.Unix taken = new Endpoint.Unix(Files.writeString(folder.path().resolve("file"), "content"));
        assertThatThrownBy(() -> NbdServer.listen(taken, NbdServerOptions.defaults()))
                .hasMessageContaining("not a socket");
        assertThat(taken.path()).hasContent("content");
        assertThatThrownBy(() -> NbdServer.listen(Endpoint.parse("unix:/nowhere/at/all"), NbdServerOptions.defaults()))
                .hasMessageContaining("no folder /nowhere/at");
    }

    private NbdClient connect(String export) throws IOException {
        return NbdClient.connect(server.endpoint(), export, NbdClientOptions.defaults());
    }

    private interface Action {
        void run() throws IOException;
    }

    private static void unchecked(Action action) {
        try {
            action.run();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}

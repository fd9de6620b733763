package io.backhaul.blockio.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.Tool;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Our client before QEMU's server. */
class NbdPeersIT {
    private static final int SIZE_BYTES = 16 << 20;

    private SocketFolder folder;
    private @Nullable Process server;

    @BeforeEach
    void makeFolder() throws Exception {
        folder = new SocketFolder();
    }

    @AfterEach
    void end() throws Exception {
        if (server != null) {
            server.destroy();
            server.waitFor(10, TimeUnit.SECONDS);
            server.destroyForcibly();
        }
        folder.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"raw", "qcow2"})
    void aDiskServedByQemuBehavesAsAnArrayOfBytes(String format) throws Exception {
        serve(format, "16M");
        try (NbdClient client = NbdClient.connect(folder.socket(), "e0", NbdClientOptions.defaults())) {
            assertThat(client.sizeBytes()).isEqualTo(SIZE_BYTES);
            DeviceExercise.run(client, 71, 300);
            client.zero(0, SIZE_BYTES);
            DeviceExercise.runConcurrently(client, 72, 4, 100);
        }
        assertThat(NbdClient.exports(folder.socket(), NbdClientOptions.defaults())).containsExactly("e0");
    }

    @Test
    void holesOfASparseDiskServedByQemuAreToldAsSuch() throws Exception {
        serve("raw", "16M");
        try (NbdClient client = NbdClient.connect(folder.socket(), "e0", NbdClientOptions.defaults())) {
            client.zero(0, SIZE_BYTES);
            client.write(4 << 20, ByteBuffer.allocate(1 << 20).put(0, (byte) 1));
            List<String> runs = new ArrayList<>();
            client.extents(1, SIZE_BYTES - 1,
                    (at, length, zero) -> runs.add(at + "+" + length + (zero ? " zero" : " data")));
            assertThat(runs).containsExactly("1+4194303 zero", "4194304+1048576 data", "5242880+11534336 zero");
        }
    }

    private void serve(String format, String size) throws Exception {
        Tool.need("qemu-nbd");
        Path image = folder.path().resolve("image");
        Tool.run("qemu-img", "create", "-q", "-f", format, image.toString(), size);
        Path socket = folder.path().resolve("s");
        server = new ProcessBuilder("qemu-nbd", "--socket=" + socket, "--export-name=e0", "--format=" + format,
                "--shared=4",
                "--persistent", "--discard=unmap", image.toString()).redirectErrorStream(true)
                .redirectOutput(folder.path().resolve("log").toFile()).start();
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> Files.exists(socket));
    }
}

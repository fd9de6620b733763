package io.backhaul.blockio.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.MemoryDevice;
import io.backhaul.blockio.Tool;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.overlay.OverlayDevice;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Our server before other people's clients: libnbd, QEMU and fio. */
class NbdToolsIT {
    private static final int SIZE_BYTES = 64 << 20;

    private final ConcurrentLinkedQueue<String> problems = new ConcurrentLinkedQueue<>();
    private SocketFolder folder;
    private Path image;
    private RawDevice device;
    private NbdServer local;
    private NbdServer tcp;

    @BeforeEach
    void serve() throws Exception {
        folder = new SocketFolder();
        image = folder.path().resolve("image");
        device = RawDevice.create(image, SIZE_BYTES);
        NbdServerOptions options = NbdServerOptions.defaults().withProblems(problems::add);
        local = NbdServer.listen(folder.socket(), options);
        tcp = NbdServer.listen(Endpoint.parse("127.0.0.1:0"), options);
        local.export("e0", device);
        tcp.export("e0", device);
    }

    @AfterEach
    void close() throws Exception {
        local.close();
        tcp.close();
        device.close();
        folder.close();
        assertThat(problems).isEmpty();
    }

    @Test
    void nbdinfoSeesSizeFlagsAndHoles() throws Exception {
        device.write(8 << 20, ByteBuffer.allocate(1 << 20).put(0, (byte) 1));
        for (NbdServer server : List.of(local, tcp)) {
            String uri = server.endpoint().uri("e0");
            assertThat(Tool.run("nbdinfo", "--size", uri).strip()).isEqualTo(String.valueOf(SIZE_BYTES));
            assertThat(Tool.run("nbdinfo", "--json", uri)).contains("\"export-size\": " + SIZE_BYTES)
                    .contains("\"can_multi_conn\": true")
                    .contains("\"structured\": true").contains("\"can_fast_zero\": true").contains("\"can_df\": true")
                    .contains("\"can_fua\": true").contains("\"block_size_maximum\": 33554432")
                    .contains("base:allocation");
            assertThat(Tool.run("nbdinfo", "--map", uri).lines().map(line -> line.strip().replaceAll("\\s+", " ")))
                    .containsExactly("0 8388608 3 hole,zero", "8388608 1048576 0 data", "9437184 57671680 3 hole,zero");
            server.export("more", new MemoryDevice(512));
            assertThat(Tool.run("nbdinfo", "--list", "--json", uri)).contains("\"export-name\": \"e0\"")
                    .contains("\"export-name\": \"more\"");
            for (String can : List.of("write", "flush", "fua", "trim", "zero", "fast-zero", "multi-conn", "df",
                    "cache")) {
                Tool.run("nbdinfo", "--can", can, uri);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void nbdcopyCopiesBothWaysOverSeveralConnections(int connections) throws Exception {
        Path source = folder.path().resolve("source");
        byte[] content;
        try (RawDevice made = RawDevice.create(source, SIZE_BYTES)) {
            content = DeviceExercise.run(made, 61, 200);
        }
        String uri = tcp.endpoint().uri("e0");
        Tool.run("nbdcopy", "--connections=" + connections, "--flush", source.toString(), uri);
        assertThat(Files.mismatch(source, image)).isEqualTo(-1);
        Path back = folder.path().resolve("back");
        Tool.run("nbdcopy", "--connections=" + connections, local.endpoint().uri("e0"), back.toString());
        assertThat(Files.readAllBytes(back)).isEqualTo(content);
    }

    @Test
    void qemuImgConvertsAndCompares() throws Exception {
        Path source = folder.path().resolve("source");
        try (RawDevice made = RawDevice.create(source, SIZE_BYTES)) {
            DeviceExercise.run(made, 62, 200);
        }
        String uri = local.endpoint().uri("e0");
        assertThat(Tool.run("qemu-img", "info", uri)).contains("virtual size: 64 MiB");
        Tool.run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source.toString(), uri);
        Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source.toString(), uri);
        Path qcow = folder.path().resolve("qcow");
        Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", uri, qcow.toString());
        Tool.run("qemu-img", "compare", "-f", "qcow2", "-F", "raw", qcow.toString(), tcp.endpoint().uri("e0"));
        assertThat(Tool.run("qemu-img", "map", "--output=json", "-f", "raw", uri)).contains("\"zero\": true");
    }

    @Test
    void qemuIoWritesZeroesDiscardsAndReadsBack() throws Exception {
        String uri = local.endpoint().uri("e0");
        Tool.run("qemu-io", "-f", "raw", "-c", "write -P 7 1M 2M", "-c", "write -f -P 8 100 513", "-c",
                "write -z -u 1M 64k", "-c",
                "write -z 2M 64k", "-c", "discard 2560k 64k", "-c", "flush", "-c", "read -P 0 1M 64k", "-c",
                "read -P 8 100 513", "-c",
                "read -P 7 1088k 64k", "-c", "read -P 0 2M 64k", "-c", "read -P 0 2560k 64k", "-c",
                "aio_write -P 5 4M 1M", "-c",
                "aio_write -P 6 5M 1M", "-c", "aio_flush", "-c", "read -P 5 4M 1M", "-c", "read -P 6 5M 1M", uri);
        assertThat(Tool.run("qemu-io", "-r", "-f", "raw", "-c", "read -P 7 1088k 64k", uri)).doesNotContain("failed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"4k", "64k", "512-128k"})
    void fioVerifiesWhatItWrites(String blockSize) throws Exception {
        String printed = Tool.run("fio", "--name=verify", "--ioengine=nbd", "--uri=" + local.endpoint().uri("e0"),
                "--rw=randwrite",
                blockSize.contains("-") ? "--bsrange=" + blockSize : "--bs=" + blockSize, "--iodepth=16", "--size=32M",
                "--verify=crc32c",
                "--verify_fatal=1", "--verify_state_save=0", "--do_verify=1", "--randrepeat=1", "--randseed=7");
        assertThat(printed).contains("err= 0");
    }

    @Test
    void fioVerifiesMixedLoadOnAWritableViewAndTheBaseStaysAsItWas() throws Exception {
        byte[] before = DeviceExercise.run(device, 63, 50);
        try (BlockDevice view = new OverlayDevice(RawDevice.open(image, true),
                RawDevice.create(folder.path().resolve("scratch"), SIZE_BYTES))) {
            local.export("view", view);
            Tool.run("fio", "--name=mixed", "--ioengine=nbd", "--uri=" + local.endpoint().uri("view"), "--rw=randrw",
                    "--bsrange=512-64k",
                    "--bs_unaligned=1", "--iodepth=16", "--size=32M", "--verify=crc32c", "--verify_fatal=1",
                    "--verify_state_save=0",
                    "--randseed=8");
            local.remove("view");
        }
        assertThat(Files.readAllBytes(image)).isEqualTo(before);
    }

    @Test
    void libnbdTalksTlsToUs() throws Exception {
        var keys = TestKeys.make(folder.path(), "server");
        Path certificates = Files.createDirectory(folder.path().resolve("certificates"));
        String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
        String pem = Tool.run(keytool, "-exportcert", "-rfc", "-alias", "server", "-keystore",
                folder.path().resolve("server.p12").toString(),
                "-storepass", "changeit");
        Files.writeString(certificates.resolve("ca-cert.pem"), pem.substring(pem.indexOf("-----BEGIN")));
        try (NbdServer secure = NbdServer.listen(Endpoint.parse("127.0.0.1:0"),
                NbdServerOptions.defaults().withTls(TestKeys.context(keys, keys), true, false))) {
            secure.export("e0", device);
            Endpoint.Tcp bound = (Endpoint.Tcp) secure.endpoint();
            String uri = "nbds://localhost:" + bound.port() + "/e0?tls-certificates=" + certificates;
            assertThat(Tool.run("nbdinfo", uri)).contains("with TLS").contains("export-size: " + SIZE_BYTES);
            Path copy = folder.path().resolve("copy");
            device.write(12345, ByteBuffer.wrap(new byte[]{1, 2, 3}));
            Tool.run("nbdcopy", uri, copy.toString());
            assertThat(Files.mismatch(image, copy)).isEqualTo(-1);
            assertThat(Tool.attempt("nbdinfo", secure.endpoint().uri("e0")).exitCode()).isNotZero();
        }
    }
}

package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** The quickstart as people run it: as a process, from the command line to its exit code. */
class QuickstartIT {
    private Path folder = Path.of("");

    @BeforeEach
    void makeFolder() throws IOException {
        folder = Files.createTempDirectory(Path.of("/tmp"), "bh-qs-");
    }

    @AfterEach
    void removeFolder() throws IOException {
        Workplace.remove(folder);
    }

    private Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                Backhaul.class.getName(), "quickstart"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectError(folder.resolve("stderr").toFile()).start();
    }

    private Answer result(Process process) throws IOException, InterruptedException {
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(() -> said()).isZero();
        return new Answer(JsonMapper.shared().readValue(out, new TypeReference<Map<String, Object>>() {}));
    }

    private String said() {
        try {
            return Files.readString(folder.resolve("stderr"));
        } catch (IOException unreadable) {
            return unreadable.toString();
        }
    }

    private static String digest(Path file) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }

    @Test
    @Timeout(300)
    void aNewFileSystemIsReplicatedRecoveredAndProved() throws Exception {
        Answer result = result(start("--json", "--capture", "nbd", "--keep", "--dir", folder.resolve("w").toString(),
                "--size", "96MiB",
                "--load", "1s"));
        assertThat(result.text("capture")).isEqualTo("nbd");
        assertThat(result.flag("proved")).isTrue();
        List<Answer> recovered = result.groups("recovered");
        assertThat(recovered).extracting(proof -> proof.text("label")).containsExactly("midway", "latest");
        assertThat(recovered).allSatisfy(proof -> assertThat(proof.flag("identical")).isTrue());
        for (String figure : List.of("readBytes", "sentBytes", "journalBytes", "compressionRatio", "lagMaxBytes",
                "recoverMarkSeconds", "recoverLatestSeconds", "loadBytes", "totalSeconds")) {
            assertThat(result.number(figure)).as(figure).isPresent();
        }
        assertSameByQemu(Path.of(result.text("source")), Path.of(recovered.getLast().text("path")));
    }

    @Test
    @Timeout(300)
    void aMountedFileSystemInUseIsReplicatedRecoveredAndProved() throws Exception {
        String obstacle = EbpfCheck.obstacle();
        assumeTrue(obstacle.isEmpty(), "the capture in the kernel: " + obstacle);
        Answer result = result(start("--json", "--capture", "ebpf", "--dir", folder.resolve("w").toString(), "--size",
                "128MiB", "--load", "2s"));
        assertThat(result.text("capture")).isEqualTo("ebpf");
        assertThat(result.flag("proved")).isTrue();
        assertThat(result.groups("recovered")).extracting(proof -> proof.text("fileSystem")).containsOnly("clean");
        assertThat(result.count("loadWrites")).isPositive();
        assertThat(folder.resolve("w")).doesNotExist();
    }

    private static void assertSameByQemu(Path source, Path recovered) throws IOException, InterruptedException {
        if (Tool.find("qemu-img").isEmpty()) {
            System.out.println("not judged: qemu-img is not installed (Debian: qemu-utils)");
            return;
        }
        Tool compared = Tool.run("qemu-img", "compare", "-f", "raw", "-F", "vmdk", source.toString(),
                recovered.toString());
        assertThat(compared.exitCode()).as(compared.output()).isZero();
    }

    @Test
    @Timeout(300)
    void anImageOfTheUserIsProvedAndNeverWritten() throws Exception {
        Path image = folder.resolve("mine.img");
        SampleImage.makeRaw(image, (24L << 20) + 512);
        String before = digest(image);
        Answer result = result(
                start("--json", "--capture", "nbd", "--disk", image.toString(), "--load", "500ms", "--dir",
                        folder.resolve("w").toString()));
        assertThat(result.flag("proved")).isTrue();
        assertThat(result.groups("recovered").getLast().text("fileSystem")).contains("not judged");
        assertThat(digest(image)).isEqualTo(before);
        assertThat(folder.resolve("w")).doesNotExist();
    }

    @Test
    @Timeout(300)
    void interruptedItEndsItsProcessesAndRemovesItsFolder() throws Exception {
        Process process = start("--capture", "nbd", "--load", "60s", "--size", "64MiB", "--dir",
                folder.resolve("w").toString());
        Awaitility.await().atMost(Duration.ofMinutes(2)).until(() -> process.descendants().count() == 4);
        List<ProcessHandle> children = process.descendants().toList();
        process.destroy();
        assertThat(process.waitFor()).isNotZero();
        Awaitility.await().until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
        assertThat(folder.resolve("w")).doesNotExist();
    }

    @Test
    @Timeout(300)
    void killedItTakesItsProcessesAlong() throws Exception {
        Process process = start("--capture", "nbd", "--load", "60s", "--size", "64MiB", "--dir",
                folder.resolve("w").toString());
        Awaitility.await().atMost(Duration.ofMinutes(2)).until(() -> process.descendants().count() == 4);
        List<ProcessHandle> children = process.descendants().toList();
        process.destroyForcibly();
        Awaitility.await().atMost(Duration.ofMinutes(2))
                .until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
    }
}

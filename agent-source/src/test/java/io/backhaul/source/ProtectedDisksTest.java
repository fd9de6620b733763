package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Settings;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The disks that a configuration names, on real files. */
class ProtectedDisksTest {
    private static final UUID BOOT = new UUID(1, 1);

    @TempDir
    Path folder;

    private Path image(String name, int sizeBytes) throws IOException {
        return Files.write(folder.resolve(name), new byte[sizeBytes]);
    }

    private List<SourceDisk> open(boolean readOnly, String... disks) throws IOException, ConfigException {
        Path file = Files.writeString(folder.resolve("source.conf"),
                "disks = [" + String.join(", ", disks) + "]\nprocess-servers = [\"localhost:9443\"]\n");
        Settings settings = SourceSettings.load(file);
        return ProtectedDisks.open(settings.get(SourceSettings.DISKS),
                readOnly ? SourceSettings.CaptureKind.SCAN : SourceSettings.CaptureKind.NBD, BOOT);
    }

    private static String disk(Path path) {
        return "{ path = \"" + path + "\" }";
    }

    @Test
    void theyStandInTheOrderOfTheConfigurationUnderTheirIds() throws Exception {
        List<SourceDisk> disks = open(false, disk(image("b.raw", 8192)),
                "{ path = \"" + image("a.raw", 4096) + "\", id = serial-9 }");
        assertThat(disks).extracting(disk -> disk.info().index()).containsExactly(0, 1);
        assertThat(disks).extracting(disk -> disk.info().stableId()).containsExactly("b.raw", "serial-9");
        assertThat(disks).extracting(disk -> disk.info().sizeBytes()).containsExactly(8192L, 4096L);
        disks.getFirst().device().write(512, ByteBuffer.wrap(new byte[]{7}));
        ProtectedDisks.close(disks);
        assertThat(Files.readAllBytes(folder.resolve("b.raw"))[512]).isEqualTo((byte) 7);
    }

    @Test
    void aScanOpensThemReadOnly() throws Exception {
        List<SourceDisk> disks = open(true, disk(image("a.raw", 4096)));
        assertThat(disks.getFirst().device().readOnly()).isTrue();
        ProtectedDisks.close(disks);
    }

    @Test
    void saysWhichOneIsMissingAndClosesTheOthers() throws Exception {
        Path first = image("a.raw", 4096);
        for (int i = 0; i < 20; i++) {
            assertThatThrownBy(() -> open(false, disk(first), disk(folder.resolve("gone.raw"))))
                    .isInstanceOf(IOException.class).hasMessageContaining("gone.raw");
        }
        try (var handles = Files.list(Path.of("/proc/self/fd"))) {
            assertThat(handles.filter(handle -> pointsTo(handle, first)).count()).isZero();
        }
    }

    private static boolean pointsTo(Path handle, Path file) {
        try {
            return Files.readSymbolicLink(handle).equals(file.toRealPath());
        } catch (IOException gone) {
            return false;
        }
    }

    @Test
    void refusesASizeThatIsNoMultipleOfTheSector() throws Exception {
        Path odd = image("odd.raw", 4096 + 100);
        assertThatThrownBy(() -> open(false, disk(odd))).isInstanceOf(IOException.class)
                .hasMessageContaining("odd.raw has 4196 bytes").hasMessageContaining("whole sectors");
    }

    @Test
    void aFileThatSomebodyWritesToHasAnotherFingerprint() throws Exception {
        Path image = image("a.raw", 4096);
        List<SourceDisk> disks = open(false, disk(image));
        SourceDisk disk = disks.getFirst();
        String before = disk.fingerprint().take();
        assertThat(disk.fingerprint().take()).isEqualTo(before).isNotEmpty();
        Files.setLastModifiedTime(image, FileTime.fromMillis(1_000_000));
        String touched = disk.fingerprint().take();
        assertThat(touched).isNotEqualTo(before);
        Path other = image("other.raw", 4096);
        Files.setLastModifiedTime(other, FileTime.fromMillis(1_000_000));
        Files.move(other, image, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertThat(disk.fingerprint().take()).as("of another file in its place").isNotEqualTo(touched);
        ProtectedDisks.close(disks);
    }

    @Test
    void theBootIdStaysWhileTheSystemRuns() throws IOException {
        assertThat(ProtectedDisks.bootId()).isEqualTo(ProtectedDisks.bootId());
    }
}

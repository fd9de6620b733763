package io.backhaul.engine.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.config.WholeFile.Readers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTest {
    @TempDir
    private Path folder = Path.of("");

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aSecretIsItsOwnersAlone() throws IOException {
        Path file = folder.resolve("key");
        WholeFile.create(file, bytes("secret"), Readers.NOBODY);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
        assertThat(file).hasContent("secret");
    }

    @Test
    void creatingNeverOverwritesAndLeavesNothingBeside() throws IOException {
        Path file = folder.resolve("key");
        WholeFile.create(file, bytes("first"), Readers.EVERYBODY);
        assertThatThrownBy(() -> WholeFile.create(file, bytes("second"), Readers.EVERYBODY))
                .isInstanceOf(FileAlreadyExistsException.class);
        assertThat(file).hasContent("first");
        try (Stream<Path> content = Files.list(folder)) {
            assertThat(content).containsExactly(file);
        }
    }

    @Test
    void replacingPutsTheNewContentInThePlaceOfTheOld() throws IOException {
        Path file = folder.resolve("inventory");
        WholeFile.replace(file, bytes("old"), Readers.EVERYBODY);
        WholeFile.replace(file, bytes("new"), Readers.EVERYBODY);
        assertThat(file).hasContent("new");
    }

    @Test
    void workUnderALockIsDoneOneAtATime() throws Exception {
        Path lock = folder.resolve("lock");
        int[] inside = {0};
        int[] most = {0};
        Thread[] threads = new Thread[4];
        for (int index = 0; index < threads.length; index++) {
            threads[index] = Thread.ofPlatform().start(() -> {
                for (int round = 0; round < 50; round++) {
                    enter(lock, inside, most);
                }
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(most[0]).isEqualTo(1);
        assertThat(inside[0]).isZero();
    }

    private static void enter(Path lock, int[] inside, int[] most) {
        try {
            WholeFile.whileLocked(lock, () -> {
                inside[0]++;
                most[0] = Math.max(most[0], inside[0]);
                Thread.onSpinWait();
                return inside[0]--;
            });
        } catch (IOException failing) {
            most[0] = Integer.MAX_VALUE;
        }
    }
}

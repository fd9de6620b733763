package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A byte of a journal that has rotted is found by the verb that looks for it, and a comparison heals what it was part of. */
class ScrubIT {
    private static final long DISK_BYTES = 16L << 20;

    @Test
    @Timeout(300)
    void whatHasRottedIsNamedAndSentAgain() throws Exception {
        try (Scene scene = Scene.of(DISK_BYTES)) {
            Fleet fleet = scene.fleet();
            fleet.start();
            scene.awaitOrdered();
            write(scene);
            scene.awaitJournaled();
            assertThat(scrub(fleet)).as("exit code while all is well").isEqualTo(Backhaul.DONE);
            Path rotten = longestSegment(fleet.folder(Part.MASTER_TARGET));
            flip(rotten);
            assertThat(scrub(fleet)).as("exit code where something has rotted").isEqualTo(Backhaul.FAILED);
            List<Answer> damaged = fleet.machine(Part.MASTER_TARGET).group("scrub").groups("damaged");
            assertThat(damaged).singleElement()
                    .satisfies(each -> assertThat(rotten.toString()).endsWith(each.text("file")));
            fleet.client(Part.SOURCE).ask("resync", Map.of());
            scene.await(Part.MASTER_TARGET, "points begin again",
                    machine -> machine.text("newest").equals(machine.group("positions").text("journaled")));
            scene.assertIdentical();
        }
    }

    private static int scrub(Fleet fleet) {
        return Backhaul.commandLine().execute("master-target", "scrub", "--config",
                fleet.config(Part.MASTER_TARGET).toString());
    }

    private static void write(Scene scene) throws IOException {
        byte[] content = new byte[1 << 20];
        new Random(5).nextBytes(content);
        try (BlockDevice disk = scene.connect()) {
            disk.write(3 << 20, ByteBuffer.wrap(content));
            disk.flush();
        }
    }

    private static Path longestSegment(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".seg"))
                    .max(Comparator.comparingLong(file -> file.toFile().length())).orElseThrow();
        }
    }

    /** One bit, amid what was written last. */
    private static void flip(Path file) throws IOException {
        try (var segment = new RandomAccessFile(file.toFile(), "rw")) {
            long at = segment.length() - (256 << 10);
            segment.seek(at);
            int was = segment.read();
            segment.seek(at);
            segment.write(was ^ 1);
        }
    }
}

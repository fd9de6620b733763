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
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A byte of a journal that has rotted is found by the verb that looks for it, and what it was part of is sent again. */
class ScrubIT {
    private static final long DISK_BYTES = 16L << 20;
    private static final long WRITTEN_BYTES = 1L << 20;

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
            long sentBefore = fleet.machine(Part.SOURCE).count("sentBytes");
            Path rotten = longestSegment(fleet.folder(Part.MASTER_TARGET));
            flip(rotten);
            assertThat(scrub(fleet)).as("exit code where something has rotted").isEqualTo(Backhaul.FAILED);
            List<Answer> damaged = fleet.machine(Part.MASTER_TARGET).group("scrub").groups("damaged");
            assertThat(damaged).singleElement()
                    .satisfies(each -> assertThat(rotten.toString()).endsWith(each.text("file")));
            scene.await(Part.MASTER_TARGET, "points begin again by themselves",
                    machine -> machine.group("scrub").count("askedBytes") > 0
                            && machine.text("newest").equals(machine.group("positions").text("journaled")));
            Answer source = scene.awaitOrdered();
            assertThat(source.count("resentBytes")).as("what is asked for again").isBetween(1L, WRITTEN_BYTES)
                    .isEqualTo(fleet.machine(Part.MASTER_TARGET).group("scrub").count("askedBytes"));
            long sent = source.count("sentBytes") - sentBefore;
            System.out.printf("asked for %d bytes, sent %d%n", source.count("resentBytes"), sent);
            assertThat(sent).as("frames, with whole blocks").isBetween(1L,
                    source.count("resentBytes") + WRITTEN_BYTES / 4);
            assertThat(source.count("overflows")).isZero();
            scene.assertIdentical();
        }
    }

    private static int scrub(Fleet fleet) {
        return Backhaul.commandLine().execute("master-target", "scrub", "--config",
                fleet.config(Part.MASTER_TARGET).toString());
    }

    private static void write(Scene scene) throws IOException {
        byte[] content = new byte[(int) WRITTEN_BYTES];
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

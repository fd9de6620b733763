package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a source has recorded at a mark holds of a view, of promoted disks and of copies of them; and a byte that differs is found. */
class ProofIT {
    private static final long DISK_BYTES = 16L << 20;
    /** What is written to all the time is perhaps not proved; what lies behind it is. */
    private static final long LOADED_BYTES = 4L << 20;
    private static final int FLIPPED_AT = 5 << 20;

    @Test
    @Timeout(300)
    void aPromotedDiskIsProvedOfflineAndAFlippedByteIsNamed() throws Exception {
        try (Scene scene = Scene.of(DISK_BYTES)) {
            Fleet fleet = scene.fleet();
            fleet.start();
            scene.awaitOrdered();
            Path proof = scene.resolve("before.proof");
            Process load = scene.write(LOADED_BYTES, 4 << 20);
            scene.awaitWritten(2 << 20);
            assertThat(run("points", "mark", "before", "--proof", proof.toString(), "--config",
                    fleet.config(Part.SOURCE).toString())).as("recorded while the machine writes").isZero();
            scene.awaitWritten(2 << 20);
            Scene.stop(load);
            write(scene);
            scene.awaitJournaled();
            Path target = fleet.config(Part.MASTER_TARGET);
            assertThat(run("verify", "--proof", proof.toString(), "--config", target.toString()))
                    .as("a view of the point").isZero();
            assertThat(run("verify", "--proof", proof.toString(), "--config", target.toString(), "--at", "latest"))
                    .as("what was written since").isEqualTo(Backhaul.FAILED);
            assertThat(run("verify", "--proof", proof.toString(), scene.disk().toString())).isEqualTo(Backhaul.FAILED);
            Answer promoted = new Answer(fleet.client(Part.MASTER_TARGET).ask("promote", Map.of("at", "before")));
            Path vmdk = Path.of(promoted.groups("disks").getFirst().text("path"));
            assertThat(run("verify", "--proof", proof.toString(), vmdk.toString())).as("the promoted disk").isZero();
            Path raw = scene.resolve("converted.img");
            assertThat(Tool.run("qemu-img", "convert", "-O", "raw", vmdk.toString(), raw.toString()).exitCode())
                    .isZero();
            assertThat(run("verify", "--proof", proof.toString(), raw.toString())).as("what qemu-img makes of it")
                    .isZero();
            flip(raw);
            assertThat(run("verify", "--proof", proof.toString(), raw.toString())).isEqualTo(Backhaul.FAILED);
            ProofVerdict verdict;
            try (var verification = ProofVerification.open(proof)) {
                verdict = verification.compare(List.of(raw.toString()));
            }
            assertThat(verdict.checked()).singleElement().satisfies(each -> {
                assertThat(each.result().differingBytes()).isEqualTo(64 << 10);
                assertThat(each.result().differing()).singleElement()
                        .satisfies(extent -> assertThat(extent.offset()).isEqualTo(FLIPPED_AT));
            });
        }
    }

    private static int run(String... arguments) {
        List<String> said = new ArrayList<>(Arrays.asList(arguments));
        System.out.println(said);
        return Backhaul.commandLine().execute(arguments);
    }

    /** Everything behind the byte that will be flipped: so that the latest point is certainly another one. */
    private static void write(Scene scene) throws IOException {
        byte[] content = new byte[1 << 20];
        new Random(9).nextBytes(content);
        try (BlockDevice disk = scene.connect()) {
            disk.write(FLIPPED_AT, ByteBuffer.wrap(content));
            disk.flush();
        }
    }

    private static void flip(Path file) throws IOException {
        try (var disk = new RandomAccessFile(file.toFile(), "rw")) {
            disk.seek(FLIPPED_AT + 4321);
            int was = disk.read();
            disk.seek(FLIPPED_AT + 4321);
            disk.write(was ^ 1);
        }
    }
}

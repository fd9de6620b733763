package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.engine.proof.ChunkDigests;
import io.backhaul.engine.proof.ProofHeader;
import io.backhaul.engine.proof.ProofWriter;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Position;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code verify --proof} says of disks, of the proof alone, and of proofs that cannot be believed. */
class VerifyProofTest {
    private static final int SIZE = (1 << 20) + 4096;

    @TempDir
    private Path folder = Path.of("");
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final PrintStream realOut = System.out;
    private final PrintStream realErr = System.err;
    private final List<Path> disks = new ArrayList<>();
    private Path proof = Path.of("");

    @BeforeEach
    void record() throws IOException {
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        for (int i = 0; i < 2; i++) {
            byte[] content = new byte[SIZE];
            new Random(i).nextBytes(content);
            disks.add(Files.write(folder.resolve("disk" + i + ".img"), content));
        }
        proof = folder.resolve("a.proof");
        List<DiskInfo> infos = List.of(new DiskInfo(0, "boot", SIZE, 512), new DiskInfo(1, "data", SIZE, 512));
        try (ProofWriter writer = ProofWriter.create(DirectoryVolume.open(folder), "a.proof", infos)) {
            for (int i = 0; i < 2; i++) {
                digest(writer, i);
            }
            writer.put(1, 3, ChunkDigests.unproved());
            while (writer.buildOn()) {
                // Page by page.
            }
            ProofHeader header = writer
                    .finish(new ProofWriter.Mark(new UUID(1, 2), new Position(4, 99), "before", 1_000_000));
            assertThat(header.unprovedBytes()).isEqualTo(64 << 10);
        }
        // Whoever compares needs no right to write.
        assertThat(proof.toFile().setReadOnly()).isTrue();
    }

    private void digest(ProofWriter writer, int disk) throws IOException {
        ChunkDigests digests = new ChunkDigests();
        try (BlockDevice device = Disks.open(disks.get(disk), true)) {
            writer.put(disk, 0, digests.of(device, 0, 1 << 20));
            writer.put(disk, 16, digests.of(device, 1 << 20, 4096));
        }
    }

    @AfterEach
    void release() {
        System.setOut(realOut);
        System.setErr(realErr);
    }

    private int verify(String... more) {
        out.reset();
        err.reset();
        List<String> arguments = new ArrayList<>(List.of("verify", "--proof", proof.toString()));
        arguments.addAll(List.of(more));
        return Backhaul.run(arguments.toArray(String[]::new));
    }

    private String said() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private void refused(String part, String... more) {
        assertThat(verify(more)).isEqualTo(2);
        assertThat(err.toString(StandardCharsets.UTF_8).lines()).singleElement().asString().contains(part);
    }

    private void flip(Path file, int at) throws IOException {
        byte[] content = Files.readAllBytes(file);
        content[at] ^= 1;
        assertThat(file.toFile().setWritable(true)).isTrue();
        Files.write(file, content);
    }

    @Test
    void disksAreProvedByTheirOrderOrByTheirIds() {
        assertThat(verify(disks.get(0).toString(), disks.get(1).toString())).isZero();
        assertThat(said()).contains("Proved: 1.9 MiB are what the source held when it was marked 'before' at 4:99;"
                + " nothing is known of 64.0 KiB.").doesNotContain("Not compared");
        assertThat(verify("data=" + disks.get(1), "boot=" + disks.get(0), "--json")).isZero();
        assertThat(said()).contains("\"proved\" : true").contains("\"unprovedBytes\" : 65536");
        assertThat(verify("data=" + disks.get(1))).isZero();
        assertThat(said()).contains("Not compared: disk 0 (boot).");
    }

    @Test
    void aByteThatDiffersIsNamedByItsChunkOnWhicheverDiskItIs() throws IOException {
        flip(disks.get(0), 200_000);
        flip(disks.get(0), SIZE - 1);
        assertThat(verify(disks.get(0).toString(), disks.get(1).toString())).isEqualTo(1);
        assertThat(said()).contains("Different: 68.0 KiB")
                .contains("disk 0 (" + disks.get(0) + ")  offset 196608, 65536 bytes")
                .contains("offset 1048576, 4096 bytes");
        assertThat(verify(disks.get(0).toString(), disks.get(0).toString())).as("the same disk, named twice")
                .isEqualTo(1);
        flip(disks.get(0), 200_000);
        flip(disks.get(0), SIZE - 1);
        flip(disks.get(1), 3 * 65536);
        assertThat(verify(disks.get(0).toString(), disks.get(1).toString())).as("where nothing is known").isZero();
    }

    @Test
    void theProofAloneTellsWhatItSays() {
        assertThat(verify()).isZero();
        assertThat(said()).contains("Proof of " + new UUID(1, 2) + " at 4:99, marked 'before'")
                .contains("not proved: disk 1, offset 196608, 65536 bytes").containsPattern("Root: [0-9a-f]{4} ");
        assertThat(verify("--json")).isZero();
        assertThat(said()).contains("\"root\" : \"").contains("\"label\" : \"before\"");
    }

    @Test
    void aProofThatIsDamagedOrMissingIsNotADifference() throws IOException {
        assertThat(Backhaul.run("verify", "--proof", folder.resolve("none").toString())).isEqualTo(2);
        flip(proof, 4096 + 5);
        refused("damaged at 4096", disks.get(0).toString());
        refused("damaged at 4096");
        flip(proof, 70);
        refused("its first block is damaged", disks.get(0).toString());
    }

    @Test
    void whatMakesNoSenseIsOneLine() {
        String disk = disks.get(0).toString();
        refused("is of 2 disks", disk, disk, disk);
        refused("named twice", "data=" + disk, "data=" + disk);
        refused("--at is a point of a master target", "--at", "latest");
        refused("not both", disk, "--control", folder.resolve("x.sock").toString());
        assertThat(verify("--control", folder.resolve("x.sock").toString())).as("a daemon that is not there")
                .isEqualTo(1);
        assertThat(Backhaul.run("verify", disk)).isEqualTo(2);
        assertThat(verify(folder.resolve("none.img").toString())).as("a disk that is not there").isEqualTo(1);
    }
}

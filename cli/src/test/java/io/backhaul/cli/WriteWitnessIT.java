package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who finds that the agent has written nothing would have found a single sector. */
class WriteWitnessIT {
    @TempDir
    Path folder;

    @BeforeEach
    void need() throws Exception {
        Optional<String> obstacle = LoopDisk.obstacle().or(WriteWitness::obstacle);
        if (obstacle.isPresent()) {
            System.out.println("NOT RUN: who writes to a device: " + obstacle.get());
            assertThat(System.getenv("CI")).as("not run: %s", obstacle.get()).isNotEqualTo("true");
            Assumptions.abort(obstacle.get());
        }
    }

    /** Has a process do something to a disk that holds a dirty page of ours, and says what was seen of it. */
    private WriteWitness.Seen seen(String command) throws Exception {
        Path own = Files.createTempDirectory(folder, "seen");
        try (LoopDisk disk = LoopDisk.make(own.resolve("disk.img"), 8 << 20);
                FileChannel ours = FileChannel.open(disk.device(), StandardOpenOption.WRITE)) {
            ours.write(ByteBuffer.allocate(4096).putInt(0, 1), 0);
            Process process = new ProcessBuilder("sh", "-c", "read go; " + command.replace("DISK",
                    disk.device().toString())).redirectErrorStream(true).redirectOutput(own.resolve("said").toFile())
                    .start();
            try (WriteWitness witness = WriteWitness.of(process.pid(), List.of(disk), own.resolve("traces"))) {
                process.getOutputStream().write('\n');
                process.getOutputStream().close();
                assertThat(process.waitFor()).as(Files.readString(own.resolve("said"))).isZero();
                return witness.seen();
            } finally {
                process.destroyForcibly();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dd if=/dev/zero of=DISK bs=512 count=1 seek=99 oflag=direct conv=notrunc status=none",
        "dd if=/dev/zero of=DISK bs=512 count=1 seek=99 conv=notrunc status=none",
        "blkdiscard -o 65536 -l 4096 DISK", "blkdiscard -z -o 65536 -l 4096 DISK"})
    void aSingleSectorIsSeen(String command) throws Exception {
        assertThat(seen(command).own()).isNotEmpty();
    }

    @Test
    void aProcessThatIsStartedLaterIsSeenFromItsFirstInstruction() throws Exception {
        Process first = new ProcessBuilder("sleep", "60").start();
        try (LoopDisk disk = LoopDisk.make(folder.resolve("disk.img"), 8 << 20);
                WriteWitness witness = WriteWitness.ofItAndItsSuccessors(first.pid(), List.of(disk),
                        folder.resolve("traces"))) {
            first.destroyForcibly().waitFor();
            assertThat(witness.seen().own()).isEmpty();
            Process second = new ProcessBuilder("sh", "-c", "(dd if=/dev/zero of=" + disk.device()
                    + " bs=512 count=1 oflag=direct conv=notrunc status=none) & wait $!").start();
            assertThat(second.waitFor()).isZero();
            assertThat(witness.seen().own()).hasSize(1);
        } finally {
            first.destroyForcibly();
        }
    }

    @Test
    void whatOthersHaveLeftDirtyAndAReaderMakesTheKernelWriteIsNotTheReaders() throws Exception {
        WriteWitness.Seen seen = seen("dd if=DISK of=/dev/null bs=64k iflag=direct status=none");
        assertThat(seen.own()).isEmpty();
        assertThat(seen.writtenOut()).isPositive();
        assertThat(seen("dd if=DISK of=/dev/null bs=64k status=none")).as("and who reads the cache writes nothing")
                .isEqualTo(new WriteWitness.Seen(List.of(), 0));
    }
}

package io.backhaul.blockio.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real block devices: loop devices, which need root. */
class BlockDeviceIT {
    private static final int SIZE_BYTES = 8 << 20;
    private static final byte[] PATTERN = "written by the file system past the cache ".repeat(500)
            .getBytes(StandardCharsets.US_ASCII);

    @TempDir
    Path folder;

    private Path backing;
    private String loop = "";

    @BeforeEach
    void makeBacking() throws Exception {
        backing = folder.resolve("backing");
        try (RandomAccessFile file = new RandomAccessFile(backing.toFile(), "rw")) {
            file.setLength(SIZE_BYTES);
        }
    }

    @AfterEach
    void detach() throws Exception {
        if (!loop.isEmpty()) {
            Tool.run("losetup", "-d", loop);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void aBlockDeviceBehavesAsAnArrayOfBytesAndTellsItsSizes(int sectorBytes) throws Exception {
        attach(sectorBytes);
        byte[] content;
        try (BlockDevice device = Disks.open(Path.of(loop), false)) {
            assertThat(device.sizeBytes()).isEqualTo(SIZE_BYTES);
            assertThat(device.sectorSizeBytes()).isEqualTo(sectorBytes);
            content = DeviceExercise.run(device, 51 + sectorBytes, 500);
            device.flush();
        }
        assertThat(Files.readAllBytes(backing)).isEqualTo(content);
    }

    @Test
    void zeroingADeviceGivesSpaceBack() throws Exception {
        attach(512);
        try (BlockDevice device = Disks.open(Path.of(loop), false)) {
            DeviceExercise.run(device, 52, 100);
            device.zero(0, SIZE_BYTES);
            device.flush();
        }
        try (BlockDevice file = RawDevice.open(backing, true)) {
            boolean[] data = new boolean[1];
            file.extents(0, SIZE_BYTES, (at, length, zero) -> data[0] |= !zero);
            assertThat(data[0]).as("anything left allocated").isFalse();
        }
    }

    @Test
    void aMountedDeviceIsNotOpenedForWriting() throws Exception {
        Tool.run("mke2fs", "-q", "-t", "ext4", backing.toString());
        attach(512);
        Path mountPoint = Files.createDirectory(folder.resolve("mnt"));
        Tool.run("mount", loop, mountPoint.toString());
        try {
            assertThatThrownBy(() -> Disks.open(Path.of(loop), false)).isInstanceOf(IOException.class)
                    .hasMessageContaining("is in use, perhaps mounted");
            Disks.open(Path.of(loop), true).close();
        } finally {
            Tool.run("umount", mountPoint.toString());
        }
    }

    @Test
    void aDirectReadSeesWhatAMountedFileSystemWroteThoughTheDeviceWasReadBefore() throws Exception {
        Tool.run("mke2fs", "-q", "-t", "ext4", backing.toString());
        attach(512);
        Path mountPoint = Files.createDirectory(folder.resolve("mnt"));
        Tool.run("mount", loop, mountPoint.toString());
        try (BlockDevice device = RawDevice.openDirect(Path.of(loop))) {
            Path file = mountPoint.resolve("file");
            Files.write(file, new byte[PATTERN.length]);
            Tool.run("sync", "-f", file.toString());
            assertThat(find(device)).isEqualTo(-1);
            Files.write(file, PATTERN, StandardOpenOption.WRITE);
            Tool.run("sync", "-f", file.toString());
            assertThat(find(device)).as("where the file's data is on the device").isPositive();
            assertThat(device.readOnly()).isTrue();
            assertThatThrownBy(() -> device.zero(0, 512)).isInstanceOf(IOException.class);
        } finally {
            Tool.run("umount", mountPoint.toString());
        }
    }

    /** Where the pattern is, or -1; reads at odd offsets and lengths, up to the device's last byte. */
    private static int find(BlockDevice device) throws IOException {
        ByteBuffer all = ByteBuffer.allocate(SIZE_BYTES);
        for (int next = 0; next < SIZE_BYTES; next = all.position()) {
            all.limit(Math.min(SIZE_BYTES, next + 1_500_001));
            device.read(next, all);
        }
        for (int at = 0; at <= SIZE_BYTES - PATTERN.length; at += 512) {
            if (all.slice(at, PATTERN.length).equals(ByteBuffer.wrap(PATTERN))) {
                return at;
            }
        }
        return -1;
    }

    private void attach(int sectorBytes) throws Exception {
        Tool.need("losetup");
        Tool.Result result = Tool.attempt("losetup", "-b", String.valueOf(sectorBytes), "-f", "--show",
                backing.toString());
        if (result.exitCode() != 0) {
            Tool.absent("loop devices cannot be had here (they need root): " + result.printed().strip());
        }
        loop = result.printed().strip();
    }
}

package io.backhaul.blockio.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real block devices: loop devices, which need root. */
class BlockDeviceIT {
    private static final int SIZE_BYTES = 8 << 20;

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

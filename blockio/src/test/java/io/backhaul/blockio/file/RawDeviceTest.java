package io.backhaul.blockio.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.ReadOnlyDeviceException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RawDeviceTest {
    private static final int MEBIBYTE = 1 << 20;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void behavesAsAnArrayOfBytes(long seed) throws Exception {
        Path path = folder.resolve("disk.raw");
        byte[] content;
        try (RawDevice device = RawDevice.create(path, 3_000_001)) {
            content = DeviceExercise.run(device, seed, 1_000);
        }
        assertThat(Files.readAllBytes(path)).isEqualTo(content);
    }

    @Test
    void servesSeveralThreadsAtOnce() throws Exception {
        try (RawDevice device = RawDevice.create(folder.resolve("disk.raw"), 4 * MEBIBYTE)) {
            DeviceExercise.runConcurrently(device, 11, 4, 500);
        }
    }

    @Test
    void tellsHolesAndGivesTheSpaceOfZeroesBack() throws Exception {
        try (RawDevice device = RawDevice.create(folder.resolve("disk.raw"), 8 * MEBIBYTE)) {
            assertThat(runs(device)).containsExactly("0+8388608 zero");
            device.write(MEBIBYTE, ByteBuffer.wrap(filled(2 * MEBIBYTE)));
            assertThat(runs(device)).containsExactly("0+1048576 zero", "1048576+2097152 data", "3145728+5242880 zero");
            device.zero(MEBIBYTE, MEBIBYTE);
            assertThat(runs(device)).containsExactly("0+2097152 zero", "2097152+1048576 data", "3145728+5242880 zero");
            device.flush();
        }
    }

    @Test
    void aThickFileHasAllItsRoomAtOnceAndKeepsItWhateverIsZeroed() throws Exception {
        Path path = folder.resolve("disk.raw");
        byte[] content;
        try (RawDevice device = RawDevice.create(path, 3_000_001, RawDevice.Preallocation.THICK)) {
            assertThat(RawDevice.allocatedBytes(path)).isGreaterThanOrEqualTo(3_000_001);
            content = DeviceExercise.run(device, 5, 500);
            assertThat(RawDevice.allocatedBytes(path)).isGreaterThanOrEqualTo(3_000_001);
        }
        assertThat(Files.readAllBytes(path)).isEqualTo(content);
        Path thin = folder.resolve("thin.raw");
        RawDevice.create(thin, 3_000_001).close();
        assertThat(RawDevice.allocatedBytes(thin)).isLessThan(100_000);
    }

    @Test
    void refusesWritesWhenReadOnlyAndRangesOutside() throws Exception {
        Path path = folder.resolve("disk.raw");
        RawDevice.create(path, MEBIBYTE).close();
        try (RawDevice device = RawDevice.open(path, true)) {
            assertThat(device.readOnly()).isTrue();
            assertThatThrownBy(() -> device.write(0, ByteBuffer.allocate(1)))
                    .isInstanceOf(ReadOnlyDeviceException.class)
                    .hasMessageContaining("disk.raw");
            assertThatThrownBy(() -> device.read(MEBIBYTE - 1, ByteBuffer.allocate(2)))
                    .isInstanceOf(EOFException.class);
        }
    }

    @Test
    void saysWhenTheFileWasCutOffUnderneath() throws Exception {
        Path path = folder.resolve("disk.raw");
        try (RawDevice device = RawDevice.create(path, MEBIBYTE)) {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.truncate(1000);
            }
            assertThatThrownBy(() -> device.read(500, ByteBuffer.allocate(1000))).isInstanceOf(EOFException.class)
                    .hasMessageContaining("cut off");
        }
    }

    @Test
    void createNeverTouchesAFileThatIsThere() throws Exception {
        Path path = Files.writeString(folder.resolve("precious"), "content");
        assertThatThrownBy(() -> RawDevice.create(path, MEBIBYTE)).isInstanceOf(IOException.class);
        assertThat(path).hasContent("content");
    }

    @Test
    void openingWhatIsNoDiskSaysWhy() throws Exception {
        assertThatThrownBy(() -> Disks.open(folder.resolve("nothing"), true)).isInstanceOf(NoSuchFileException.class)
                .hasMessageContaining("no such file");
        assertThatThrownBy(() -> Disks.open(folder, true)).hasMessageContaining("neither a file nor a block device");
        Path empty = Files.createFile(folder.resolve("empty"));
        assertThatThrownBy(() -> Disks.open(empty, true)).hasMessageContaining("is empty");
    }

    @Test
    void aClosedDeviceFailsInsteadOfTouchingAnotherFile() throws Exception {
        RawDevice device = RawDevice.create(folder.resolve("disk.raw"), MEBIBYTE);
        device.close();
        device.close();
        assertThatThrownBy(() -> device.zero(0, 4096)).isInstanceOf(IOException.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> device.extents(0, 4096, (at, length, zero) -> {})).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> device.read(0, ByteBuffer.allocate(1))).isInstanceOf(IOException.class);
    }

    @Test
    void aFullFileSystemIsAFullDevice() throws Exception {
        IOException mapped = DeviceFullException.orSame("/disk", new IOException("No space left on device"));
        assertThat(mapped).isInstanceOf(DeviceFullException.class).hasMessageContaining("/disk");
        assertThat(DeviceFullException.orSame("/disk", new IOException("Input/output error")))
                .isNotInstanceOf(DeviceFullException.class);
    }

    private static List<String> runs(RawDevice device) throws IOException {
        List<String> runs = new ArrayList<>();
        device.extents(0, device.sizeBytes(),
                (at, length, zero) -> runs.add(at + "+" + length + (zero ? " zero" : " data")));
        return runs;
    }

    private static byte[] filled(int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) 0x5a);
        return bytes;
    }
}

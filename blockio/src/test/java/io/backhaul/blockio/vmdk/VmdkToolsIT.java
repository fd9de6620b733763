package io.backhaul.blockio.vmdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.Tool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Our VMDK files before QEMU's eyes, and QEMU's before ours. */
class VmdkToolsIT {
    private static final int SIZE_BYTES = 16 << 20;

    @TempDir
    Path folder;

    @Test
    void qemuOpensWhatWeMadeAndFindsTheSameBytes() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        byte[] content;
        try (FlatVmdk disk = FlatVmdk.create(path, SIZE_BYTES)) {
            content = DeviceExercise.run(disk, 41, 200);
            disk.flush();
        }
        Path raw = Files.write(folder.resolve("raw"), content);
        assertThat(Tool.run("qemu-img", "info", "--output=json", path.toString()))
                .containsPattern("\"format\": \"vmdk\"")
                .containsPattern("\"virtual-size\": " + SIZE_BYTES)
                .containsPattern("\"create-type\": \"monolithicFlat\"")
                .contains("disk-flat.vmdk");
        Tool.run("qemu-img", "compare", "-f", "raw", "-F", "vmdk", raw.toString(), path.toString());
        assertThat(Tool.run("qemu-img", "check", path.toString())).contains("No errors");
        Tool.run("qemu-io", "-f", "vmdk", "-c", "write -P 99 1M 64k", path.toString());
        try (BlockDevice disk = Disks.open(path, true)) {
            byte[] read = new byte[1];
            disk.read((1 << 20) + 5, ByteBuffer.wrap(read));
            assertThat(read[0]).isEqualTo((byte) 99);
        }
    }

    @Test
    void aDatastoreDiskIsOneForQemuToo() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        FlatVmdk.createForDatastore(path, SIZE_BYTES).close();
        assertThat(Tool.run("qemu-img", "info", path.toString())).contains("vmdk").contains("create type: vmfs");
    }

    @Test
    void aLargeThinDiskTakesNoSpace() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        FlatVmdk.create(path, 4L << 40).close();
        assertThat(Tool.run("qemu-img", "info", path.toString())).contains("4 TiB");
        assertThat(Tool.run("du", "-k", folder.toString())).matches("(?s)\\d{1,3}\\s.*");
    }

    @Test
    void weOpenWhatQemuMade() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        Tool.run("qemu-img", "create", "-f", "vmdk", "-o", "subformat=monolithicFlat,adapter_type=lsilogic",
                path.toString(), "16M");
        byte[] content;
        try (BlockDevice disk = Disks.open(path, false)) {
            assertThat(disk).isInstanceOf(FlatVmdk.class);
            content = DeviceExercise.run(disk, 42, 100);
        }
        Path raw = Files.write(folder.resolve("raw"), content);
        Tool.run("qemu-img", "compare", "-f", "raw", "-F", "vmdk", raw.toString(), path.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"monolithicSparse", "streamOptimized", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse"})
    void otherKindsAreRefusedByName(String subformat) throws Exception {
        Path path = folder.resolve("disk.vmdk");
        Tool.run("qemu-img", "create", "-f", "vmdk", "-o", "subformat=" + subformat, path.toString(), "16M");
        assertThatThrownBy(() -> Disks.open(path, true)).isInstanceOf(IOException.class)
                .hasMessageContaining("only flat ones");
    }
}

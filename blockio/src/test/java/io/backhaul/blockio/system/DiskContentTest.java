package io.backhaul.blockio.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.MemoryDevice;
import io.backhaul.blockio.Tool;
import io.backhaul.blockio.file.RawDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DiskContentTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"0, XFSB, xfs", "65600, _BHRfS_M, btrfs", "536, LVM2 001, LVM2 physical volume",
        "4086, SWAPSPACE2, swap",
        "512, EFI PART, GPT partition table"})
    void superblocksAreToldByTheirMagic(int offset, String magic, String name) throws IOException {
        try (BlockDevice disk = new MemoryDevice(128 << 10)) {
            disk.write(offset, ByteBuffer.wrap(magic.getBytes(StandardCharsets.ISO_8859_1)));
            assertThat(DiskContent.of(disk)).isEqualTo(name);
        }
    }

    @Test
    void anEmptyOrTinyDiskHoldsNothing() throws IOException {
        try (BlockDevice disk = new MemoryDevice(512)) {
            assertThat(DiskContent.of(disk)).isEmpty();
        }
    }

    @Test
    void whatMke2fsMakesIsExt4() throws Exception {
        Path image = folder.resolve("image");
        RawDevice.create(image, 4 << 20).close();
        Tool.run("mke2fs", "-q", "-t", "ext4", image.toString());
        try (BlockDevice disk = Disks.open(image, true)) {
            assertThat(DiskContent.of(disk)).isEqualTo("ext4");
        }
        assertThat(Files.size(image)).isEqualTo(4 << 20);
    }
}

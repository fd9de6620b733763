package io.backhaul.blockio.vmdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.Disks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FlatVmdkTest {
    private static final long SIZE_BYTES = 2L << 20;

    @TempDir
    Path folder;

    @Test
    void behavesAsAnArrayOfBytesThatLiesInTheFlatFile() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        byte[] content;
        try (FlatVmdk disk = FlatVmdk.create(path, SIZE_BYTES)) {
            content = DeviceExercise.run(disk, 21, 500);
        }
        assertThat(Files.readAllBytes(folder.resolve("disk-flat.vmdk"))).isEqualTo(content);
        try (BlockDevice disk = Disks.open(path, true)) {
            assertThat(disk).isInstanceOf(FlatVmdk.class);
            byte[] read = new byte[content.length];
            disk.read(0, ByteBuffer.wrap(read));
            assertThat(read).isEqualTo(content);
        }
    }

    @Test
    void theDescriptorSaysWhatVirtualMachinesNeed() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        try (FlatVmdk disk = FlatVmdk.create(path, 4L << 30)) {
            String text = Files.readString(path);
            assertThat(text).startsWith("# Disk DescriptorFile\nversion=1\n").contains("createType=\"monolithicFlat\"")
                    .contains("RW 8388608 FLAT \"disk-flat.vmdk\" 0").contains("ddb.adapterType = \"lsilogic\"")
                    .contains("ddb.geometry.cylinders = \"522\"").contains("ddb.geometry.heads = \"255\"")
                    .contains("ddb.geometry.sectors = \"63\"")
                    .containsPattern("ddb.uuid = \"60 00 c2 9[0-9a-f]( [0-9a-f]{2}){4}-")
                    .containsPattern("ddb.longContentID = \"[0-9a-f]{32}\"").contains("parentCID=ffffffff");
            assertThat(disk.uuid()).isNotNull();
            assertThat(VmdkDescriptor.parse(path, text.getBytes(StandardCharsets.UTF_8)).uuid()).isEqualTo(disk.uuid());
        }
        try (FlatVmdk disk = FlatVmdk.createForDatastore(folder.resolve("esx.vmdk"), SIZE_BYTES)) {
            assertThat(disk.sizeBytes()).isEqualTo(SIZE_BYTES);
            assertThat(folder.resolve("esx.vmdk")).content().contains("RW 4096 VMFS \"esx-flat.vmdk\"\n")
                    .contains("createType=\"vmfs\"");
        }
        FlatVmdk.open(folder.resolve("esx.vmdk"), true).close();
    }

    @Test
    void createRefusesWhatCannotBeADiskAndLeavesNothingBehind() throws Exception {
        assertThatThrownBy(() -> FlatVmdk.create(folder.resolve("disk.img"), SIZE_BYTES))
                .hasMessageContaining("ends in .vmdk");
        assertThatThrownBy(() -> FlatVmdk.create(folder.resolve("disk.vmdk"), 1000))
                .hasMessageContaining("whole sectors");
        assertThatThrownBy(() -> FlatVmdk.create(folder.resolve("disk.vmdk"), 0)).hasMessageContaining("whole sectors");
        assertThat(folder).isEmptyDirectory();
        FlatVmdk.create(folder.resolve("disk.vmdk"), SIZE_BYTES).close();
        byte[] descriptor = Files.readAllBytes(folder.resolve("disk.vmdk"));
        assertThatThrownBy(() -> FlatVmdk.create(folder.resolve("disk.vmdk"), SIZE_BYTES))
                .isInstanceOf(IOException.class);
        assertThat(folder.resolve("disk.vmdk")).hasBinaryContent(descriptor);
        assertThat(folder.resolve("disk-flat.vmdk")).exists();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|',
            textBlock = """
                    createType="monolithicFlat"        | createType="streamOptimized"        | of type streamOptimized; only flat ones
                    createType="monolithicFlat"        | createType="monolithicSparse"       | of type monolithicSparse; only flat ones
                    createType="monolithicFlat"        | createType="twoGbMaxExtentFlat"     | only flat ones
                    parentCID=ffffffff                 | parentCID=1234abcd                  | consolidate the snapshots
                    version=1                          | version=7                           | version 7
                    version=1                          | # none                              | has no version line
                    RW 4096 FLAT "disk-flat.vmdk" 0    | RW 4096 FLAT "../etc/passwd" 0      | must lie beside
                    RW 4096 FLAT "disk-flat.vmdk" 0    | RW 4096 FLAT "gone.vmdk" 0          | is missing
                    RW 4096 FLAT "disk-flat.vmdk" 0    | RW 4097 FLAT "disk-flat.vmdk" 0     | descriptor says
                    RW 4096 FLAT "disk-flat.vmdk" 0    | RW 4095 FLAT "disk-flat.vmdk" 0     | descriptor says
                    RW 4096 FLAT "disk-flat.vmdk" 0    | RW 0 FLAT "disk-flat.vmdk" 0        | cannot have 0 sectors
                    RW 4096 FLAT "disk-flat.vmdk" 0    | RW 4096 FLAT "disk-flat.vmdk" 8     | starts at sector 8
                    RW 4096 FLAT "disk-flat.vmdk" 0    | RW 4096 SPARSE "disk-flat.vmdk"     | type SPARSE
                    RW 4096 FLAT "disk-flat.vmdk" 0    | RDONLY 4096 FLAT "disk-flat.vmdk" 0 | is RDONLY
                    RW 4096 FLAT "disk-flat.vmdk" 0    | # none                              | has no extent line
                    # Extent description               | RW 4096 FLAT "disk-flat.vmdk" 0     | several extents
                    # Extent description               | hello world                         | does not belong
                    # Extent description               | version=1                           | twice
                    # Disk DescriptorFile              | # Disk Descriptor                   | does not start with
                    """)
    void openSaysWhatIsWrongWithADescriptor(String was, String becomes, String says) throws Exception {
        Path path = folder.resolve("disk.vmdk");
        FlatVmdk.create(path, SIZE_BYTES).close();
        String text = Files.readString(path);
        assertThat(text).contains(was);
        Files.writeString(path, text.replace(was, becomes));
        assertThatThrownBy(() -> FlatVmdk.open(path, true)).isInstanceOf(IOException.class).hasMessageContaining(says);
    }

    @Test
    void aSparseVmdkIsNeverTakenForARawDisk() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        Files.write(path, new byte[]{'K', 'D', 'M', 'V', 1, 0, 0, 0, 0, 0});
        assertThatThrownBy(() -> Disks.open(path, true)).hasMessageContaining("sparse or stream-optimised")
                .hasMessageContaining("qemu-img");
    }

    @Test
    void aRawDiskWhoseOwnerWroteADescriptorIntoItIsARawDisk() throws Exception {
        Path path = folder.resolve("disk.raw");
        byte[] content = new byte[200_000];
        byte[] text = "# Disk DescriptorFile\nversion=1\n".getBytes(StandardCharsets.UTF_8);
        System.arraycopy(text, 0, content, 0, text.length);
        Files.write(path, content);
        try (BlockDevice disk = Disks.open(path, true)) {
            assertThat(disk).isNotInstanceOf(FlatVmdk.class);
        }
    }

    /** As QEMU does it: the number is not filled up with zeroes, and what stood behind the text's new end stays. */
    private static void newContentId(byte[] sector, int contentId) {
        String text = new String(sector, StandardCharsets.UTF_8);
        String old = text.substring(0, text.indexOf('\0'));
        String next = old.replaceFirst("\nCID=[0-9a-f]+\n", "\nCID=" + Integer.toHexString(contentId) + "\n") + "\0";
        byte[] bytes = next.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(bytes, 0, sector, 0, bytes.length);
    }

    @Test
    void aDescriptorThatQemuHasWrittenAShorterNumberIntoIsReadable() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        FlatVmdk.create(path, SIZE_BYTES).close();
        Random random = new Random(5);
        byte[] sector = Arrays.copyOf(Files.readAllBytes(path), 20 * 512);
        for (int i = 0; i < 2000; i++) {
            int contentId = random.nextInt() >>> random.nextInt(32);
            newContentId(sector, contentId);
            VmdkDescriptor read = VmdkDescriptor.parse(path, sector);
            assertThat(read.contentId()).isEqualTo(contentId);
            assertThat(read.sizeBytes()).isEqualTo(SIZE_BYTES);
        }
    }

    @Test
    void aDescriptorWithZeroesInItsMiddleIsDamaged() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        FlatVmdk.create(path, SIZE_BYTES).close();
        byte[] whole = Files.readAllBytes(path);
        for (int at = 30; at < whole.length - 20; at++) {
            byte[] damaged = whole.clone();
            Arrays.fill(damaged, at, at + 9, (byte) 0);
            assertThatThrownBy(() -> VmdkDescriptor.parse(path, damaged)).as("zeroes at %s", at)
                    .hasMessageContaining("zero bytes within");
        }
    }

    @Test
    void parsingNeverThrowsAnythingButItsVerdict() throws Exception {
        Path path = folder.resolve("disk.vmdk");
        FlatVmdk.create(path, SIZE_BYTES).close();
        byte[] good = Files.readAllBytes(path);
        for (long seed = 0; seed < 3_000; seed++) {
            Random random = new Random(seed);
            byte[] bad = good.clone();
            for (int change = 0; change <= random.nextInt(4); change++) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            try {
                assertThat(VmdkDescriptor.parse(path, bad).sectors()).isPositive();
            } catch (IOException verdict) {
                assertThat(verdict).as("seed %s", seed).hasMessageContaining("disk.vmdk");
            }
        }
    }
}

package io.backhaul.blockio.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.system.SystemDevice.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BlockDevicesTest {
    @TempDir
    private Path folder;

    private FakeMachine machine;

    @BeforeEach
    void makeMachine() throws IOException {
        machine = new FakeMachine(folder.toRealPath()).disk("sda", "8:0", 2048).partition("sda", 1, "8:1", 1024)
                .partition("sda", 2, "8:2", 512).disk("sdb", "8:16", 4096).disk("sdc", "8:32", 0);
    }

    private BlockDevices read() throws IOException {
        return BlockDevices.read(machine.root());
    }

    private static List<String> names(List<SystemDevice> devices) {
        return devices.stream().map(SystemDevice::name).toList();
    }

    private List<String> holding(String file) throws IOException {
        return names(read().holding(Path.of(file)));
    }

    @Test
    void devicesWithoutAMediumAreLeftOut() throws IOException {
        assertThat(names(read().devices())).containsExactly("sda", "sda1", "sda2", "sdb");
    }

    @Test
    void sizesAreInUnitsOf512BytesWhateverTheSector() throws IOException {
        machine.queue("sdb", "logical_block_size", "4096").queue("sdb", "physical_block_size", "8192")
                .file("sdb", "ro", "1");
        assertThat(read().named("sdb").orElseThrow().geometry())
                .isEqualTo(new SystemDevice.Geometry(4096 * 512, 4096, 8192, true));
    }

    @Test
    void aPartitionHasTheQueueAndTheIdentityOfItsDisk() throws IOException {
        machine.queue("sda", "logical_block_size", "4096").file("sda", "device/wwid", "naa.5000c500a1b2c3d4")
                .file("sda", "diskseq", "17");
        SystemDevice part = read().named("sda2").orElseThrow();
        assertThat(part.kind()).isEqualTo(Kind.PARTITION);
        assertThat(part.geometry().logicalSectorBytes()).isEqualTo(4096);
        assertThat(part.identity()).isEqualTo(new SystemDevice.Identity("naa.5000c500a1b2c3d4-part2", "wwid"));
        assertThat(part.stack().disk()).isEqualTo("sda");
        assertThat(part.diskSequence()).isEqualTo(17);
        assertThat(read().named("sda").orElseThrow().stack().partitions()).containsExactly("sda1", "sda2");
    }

    @Test
    void theSerialIdentifiesWhereNoWorldWideNameIs() throws IOException {
        machine.file("sdb", "serial", "Z1X2");
        assertThat(read().named("sdb").orElseThrow().identity()).isEqualTo(new SystemDevice.Identity("Z1X2", "serial"));
    }

    @Test
    void aLinkOfUdevIdentifiesWhatHasNothingElse() throws IOException {
        machine.write("dev/sdb", "");
        Files.createDirectories(machine.root().resolve("dev/disk/by-id"));
        Files.createSymbolicLink(machine.root().resolve("dev/disk/by-id/ata-Drive_7"), Path.of("../../sdb"));
        assertThat(read().named("sdb").orElseThrow().identity())
                .isEqualTo(new SystemDevice.Identity("ata-Drive_7", "by-id"));
        assertThat(read().named("sda").orElseThrow().identity().stableId()).isEmpty();
    }

    @Test
    void discardsGiveZeroesOnlyWhereTheDeviceSaysSoOrPunchesHoles() throws IOException {
        machine.queue("sda", "discard_max_bytes", "1048576").queue("sdb", "discard_max_bytes", "1048576")
                .queue("sdb", "discard_zeroes_data", "1").virtual("loop0", "7:0", 64)
                .queue("loop0", "discard_max_bytes", "4096").virtual("loop1", "7:1", 64);
        assertThat(read().named("sda").orElseThrow().zeroing().zeroesAfterDiscard()).isFalse();
        assertThat(read().named("sdb").orElseThrow().zeroing().zeroesAfterDiscard()).isTrue();
        assertThat(read().named("loop0").orElseThrow().zeroing().zeroesAfterDiscard()).isTrue();
        assertThat(read().named("loop1").orElseThrow().zeroing().zeroesAfterDiscard()).isFalse();
    }

    @Test
    void mountsAndSwapAreShown() throws IOException {
        machine.mounted("8:1", "/srv/with\\040blank", "ext4", "/dev/sda1", "rw").write("proc/swaps",
                "Filename Type Size Used Priority\n/dev/sda2 partition 256 0 -2\n");
        assertThat(read().named("sda1").orElseThrow().use().mounts()).containsExactly("/srv/with blank");
        assertThat(read().named("sda1").orElseThrow().use().fileSystem()).isEqualTo("ext4");
        assertThat(read().named("sda2").orElseThrow().use().mounts()).containsExactly("[SWAP]");
    }

    @Test
    void aFileLiesOnTheDeepestMountAndOnTheDiskOfItsPartition() throws IOException {
        machine.mounted("8:16", "/", "ext4", "/dev/sdb", "rw").mounted("8:1", "/nowhere-at-all", "ext4", "/dev/sda1",
                "rw");
        assertThat(holding("/nowhere-at-all/state/deep")).containsExactly("sda1", "sda");
        assertThat(holding("/nowhere-at-all-else")).containsExactly("sdb");
    }

    @Test
    void theLastMountOnAPlaceHidesTheOthers() throws IOException {
        machine.mounted("8:1", "/nowhere", "ext4", "/dev/sda1", "rw").mounted("0:44", "/nowhere", "tmpfs", "tmpfs",
                "rw");
        assertThat(holding("/nowhere/x")).isEmpty();
    }

    @Test
    void mappedDevicesAndRaidLeadToTheirParts() throws IOException {
        machine.virtual("md0", "9:0", 4096).file("md0", "md/level", "raid1").stacked("md0", "sda2")
                .stacked("md0", "sdb")
                .virtual("dm-0", "253:0", 4096).file("dm-0", "dm/uuid", "LVM-abc").stacked("dm-0", "md0")
                .mounted("253:0", "/nowhere", "xfs", "/dev/mapper/vg-lv", "rw");
        assertThat(holding("/nowhere/x")).containsExactlyInAnyOrder("dm-0", "md0", "sda2", "sda", "sdb");
        assertThat(read().named("dm-0").orElseThrow().identity().stableId()).isEqualTo("LVM-abc");
        assertThat(read().named("md0").orElseThrow().stack().holders()).containsExactly("dm-0");
    }

    @Test
    void aLoopDeviceLeadsToWhereItsFileLies() throws IOException {
        machine.virtual("loop0", "7:0", 64).file("loop0", "loop/backing_file", "/nowhere/disk.img (deleted)")
                .mounted("8:1", "/nowhere", "ext4", "/dev/sda1", "rw")
                .mounted("7:0", "/elsewhere", "ext4", "/dev/loop0", "rw");
        assertThat(holding("/elsewhere/x")).containsExactly("loop0", "sda1", "sda");
        assertThat(read().named("loop0").orElseThrow().stack().backingFile()).isEqualTo("/nowhere/disk.img");
    }

    @Test
    void aLoopOfLoopsComesToAnEnd() throws IOException {
        machine.virtual("loop0", "7:0", 64).file("loop0", "loop/backing_file", "/nowhere/disk.img").mounted("7:0",
                "/nowhere", "ext4", "/dev/loop0", "rw");
        assertThat(holding("/nowhere/x")).containsExactly("loop0");
    }

    @Test
    void btrfsIsFoundByNameWithAllItsDevices() throws IOException {
        machine.mounted("0:47", "/nowhere", "btrfs", "/dev/sda1", "rw,subvol=/").write("sys/fs/btrfs/features/x", "")
                .write("sys/fs/btrfs/1234/devices/sda1", "").write("sys/fs/btrfs/1234/devices/sdb", "");
        assertThat(holding("/nowhere/x")).containsExactlyInAnyOrder("sda1", "sda", "sdb");
    }

    @Test
    void anOverlayLeadsToItsUpperFolder() throws IOException {
        machine.mounted("8:16", "/nowhere", "ext4", "/dev/sdb", "rw").mounted("0:50", "/elsewhere", "overlay",
                "overlay",
                "rw,lowerdir=/a,upperdir=/nowhere/upper,workdir=/nowhere/work");
        assertThat(holding("/elsewhere/x")).containsExactly("sdb");
    }

    @Test
    void whatIsNoBlockDeviceIsNamedInOneLine() throws IOException {
        assertThatThrownBy(() -> read().at(folder)).hasMessageContaining("is no block device");
        assertThatThrownBy(() -> read().at(folder.resolve("gone"))).hasMessageContaining("there is no such device");
    }

    @Test
    void aSightingTellsSizeAndAppearanceAndWhenADeviceHasGone() throws IOException {
        machine.write("sys/dev/block/8:16/size", "4096\n").write("sys/dev/block/8:16/diskseq", "9\n");
        var number = new SystemDevice.DeviceNumber(8, 16);
        assertThat(BlockDevices.Sighting.of(machine.root(), number))
                .isEqualTo(new BlockDevices.Sighting(4096 * 512, 9));
        machine.write("sys/dev/block/8:16/size", "0\n");
        assertThat(BlockDevices.Sighting.of(machine.root(), number).isThere()).isFalse();
        assertThat(BlockDevices.Sighting.of(machine.root(), new SystemDevice.DeviceNumber(8, 48)))
                .isEqualTo(BlockDevices.Sighting.GONE);
    }

    @Test
    void numbersAreTakenApartAsTheCLibraryPutsThemTogether() {
        assertThat(SystemDevice.DeviceNumber.ofStat(0xfe00)).isEqualTo(new SystemDevice.DeviceNumber(254, 0));
        assertThat(SystemDevice.DeviceNumber.ofStat(0x700105)).isEqualTo(new SystemDevice.DeviceNumber(1, 0x705));
    }
}

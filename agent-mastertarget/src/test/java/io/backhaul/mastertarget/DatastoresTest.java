package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.file.RawDevice.Preallocation;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Settings;
import io.backhaul.mastertarget.BaseDisks.UnfitDiskException;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where base disks are made, as what, and what is left where they cannot be. */
class DatastoresTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private static final long SIZE = 4 << 20;
    private static final long HUGE = 1L << 60;

    @TempDir
    private Path folder = Path.of("");

    private static DiskInfo disk(int index, long sizeBytes) {
        return new DiskInfo(index, "disk" + index, sizeBytes, 512);
    }

    private Datastores stores(String machine, Datastore... all) throws ConfigException {
        Settings settings = Settings.parse("machines = [{ id = \"" + MACHINE + "\"" + machine + " }]", folder,
                MasterTargetSettings.keys());
        return new Datastores(settings, List.of(all));
    }

    private Datastore store(String name, DiskFormat format, Preallocation preallocation) throws IOException {
        return new Datastore(name, Files.createDirectories(folder.resolve(name)), format, preallocation);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(file -> Files.isRegularFile(file) && !file.endsWith("owner")).toList();
        }
    }

    @Test
    void thinDisksArePromisedWhatTheyDoNotTakeYetAndThickOnesTakeAll() throws IOException, ConfigException {
        Datastore thin = store("thin", DiskFormat.VMDK, Preallocation.THIN);
        Datastore thick = store("thick", DiskFormat.RAW, Preallocation.THICK);
        stores(", datastore = thin", thin, thick).prepare(MACHINE, "vm", List.of(disk(0, SIZE), disk(1, SIZE)));
        Datastores both = stores(", datastore = thick", thin, thick);
        List<PlacedDisk> placed = both.prepare(MACHINE, "vm", List.of(disk(0, SIZE), disk(1, SIZE)));
        assertThat(placed).extracting(PlacedDisk::format).containsOnly(DiskFormat.RAW);
        assertThat(both.of(placed.getFirst())).contains(thick);
        assertThat(both.held(thick).usedBytes()).isBetween(2 * SIZE, 2 * SIZE + (64 << 10));
        assertThat(both.held(thick).promisedBytes()).isZero();
        Datastores again = stores("", thin, store("other", DiskFormat.VMDK, Preallocation.THIN));
        assertThat(again.prepare(MACHINE, "vm", List.of(disk(0, SIZE), disk(1, SIZE))))
                .as("where it has been before").allSatisfy(one -> assertThat(again.of(one)).contains(thin));
        assertThat(again.held(thin).promisedBytes()).isBetween(2 * SIZE - (64 << 10), 2 * SIZE);
    }

    @Test
    void aThickDiskKeepsItsRoomWhenItIsZeroed() throws IOException, ConfigException {
        Datastore thick = store("thick", DiskFormat.VMDK, Preallocation.THICK);
        Datastores stores = stores("", thick);
        PlacedDisk placed = stores.prepare(MACHINE, "vm", List.of(disk(0, SIZE))).getFirst();
        try (BlockDevice device = stores.open(placed)) {
            device.write(0, ByteBuffer.wrap(new byte[]{1, 2, 3}));
            device.zero(0, SIZE);
            ByteBuffer read = ByteBuffer.allocate(3);
            device.read(0, read);
            assertThat(read.array()).containsOnly(0);
        }
        assertThat(RawDevice.allocatedBytes(NewDisk.data(placed))).isGreaterThanOrEqualTo(SIZE);
    }

    @Test
    void thickDisksThatDoNotFitAreRefusedBeforeAnythingIsThere() throws IOException, ConfigException {
        Datastores stores = stores("", store("thick", DiskFormat.VMDK, Preallocation.THICK));
        assertThatThrownBy(() -> stores.prepare(MACHINE, "vm", List.of(disk(0, SIZE), disk(1, HUGE))))
                .isInstanceOfSatisfying(UnfitDiskException.class,
                        refused -> assertThat(refused.code()).isEqualTo(FaultCode.NO_ROOM))
                .hasMessageContainingAll("datastore thick", "left").message().doesNotContain("\n");
        assertThat(files()).isEmpty();
    }

    @Test
    void aMachineWhoseLastDiskCannotBeMadeLeavesNothing() throws IOException, ConfigException {
        Datastore store = store("store", DiskFormat.VMDK, Preallocation.THICK);
        Files.createDirectory(store.folderOf(MACHINE, "vm").resolve("disk-1-flat.vmdk"));
        Datastores stores = stores("", store);
        assertThatThrownBy(() -> stores.prepare(MACHINE, "vm", List.of(disk(0, SIZE), disk(1, SIZE))))
                .isInstanceOf(IOException.class);
        assertThat(files()).isEmpty();
    }

    @Test
    void whatACrashHasLeftIsMadeAnewAndWhatHoldsDataIsNot() throws IOException, ConfigException {
        Datastores stores = stores("", store("store", DiskFormat.VMDK, Preallocation.THIN));
        PlacedDisk placed = stores.prepare(MACHINE, "vm", List.of(disk(0, SIZE))).getFirst();
        Path descriptor = Path.of(placed.path());
        Files.delete(descriptor);
        assertThat(stores.prepare(MACHINE, "vm", List.of(disk(0, SIZE)))).containsExactly(placed);
        try (BlockDevice device = stores.open(placed)) {
            device.write(0, ByteBuffer.wrap(new byte[]{1}));
            device.flush();
        }
        Files.delete(descriptor);
        assertThatThrownBy(() -> stores.prepare(MACHINE, "vm", List.of(disk(0, SIZE))))
                .isInstanceOf(IOException.class).hasMessageContaining("-flat.vmdk");
    }

    @Test
    void machinesGoWhereMostIsNotPromisedYet() throws IOException, ConfigException {
        Datastores stores = stores("", store("a", DiskFormat.VMDK, Preallocation.THIN),
                store("b", DiskFormat.VMDK, Preallocation.THIN));
        List<Datastore> chosen = Stream.of(new UUID(0, 1), new UUID(0, 2), new UUID(0, 3), new UUID(0, 4))
                .map(machine -> {
                    try {
                        List<DiskInfo> one = List.of(disk(0, 1L << 30));
                        return stores.of(stores.prepare(machine, machine.toString(), one).getFirst()).orElseThrow();
                    } catch (IOException failed) {
                        throw new UncheckedIOException(failed);
                    }
                }).toList();
        assertThat(chosen.stream().map(Datastore::name)).containsExactlyInAnyOrder("a", "a", "b", "b");
    }

    @Test
    void anAssignmentSettlesWhereAMachineWithTwoFoldersGoes() throws IOException, ConfigException {
        Datastore a = store("a", DiskFormat.VMDK, Preallocation.THIN);
        Datastore b = store("b", DiskFormat.VMDK, Preallocation.THIN);
        for (Datastore each : List.of(a, b)) {
            each.folderOf(MACHINE, "vm");
        }
        assertThatThrownBy(() -> stores("", a, b).prepare(MACHINE, "vm", List.of(disk(0, SIZE))))
                .hasMessageContainingAll("two datastores, a and b", "assign");
        Datastores assigned = stores(", datastore = b", a, b);
        assertThat(assigned.of(assigned.prepare(MACHINE, "vm", List.of(disk(0, SIZE))).getFirst())).contains(b);
    }
}

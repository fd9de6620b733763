package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.file.RawDevice.Preallocation;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.mastertarget.SpaceLevels.Level;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Warnings of little room, of too many promises and of short windows: raised, and taken back only when all is well. */
class SpaceWatchTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private static final long HOUR_MICROS = 3_600_000_000L;

    @TempDir
    private Path folder = Path.of("");
    private final World world = new World(new Random(1));
    private final FaultLog faults = new FaultLog(world.clock);
    private final Map<String, Room> rooms = new TreeMap<>();
    private Storage storage;
    private SpaceWatch watch;

    @BeforeEach
    void open() throws IOException, ConfigException {
        var store = new Datastore("store", Files.createDirectories(folder.resolve("store")), DiskFormat.VMDK,
                Preallocation.THIN);
        var volume = new RetentionVolume("volume", folder.resolve("volume"));
        storage = Storage.open(Settings.parse("", folder, MasterTargetSettings.keys()),
                new StorageSettings(List.of(volume), List.of(store), new SpaceLevels(20, 5)));
        watch = new SpaceWatch(storage, new SpaceLevels(20, 5), faults, place -> {
            Room room = rooms.get(String.valueOf(place.getFileName()));
            if (room == null) {
                throw new IOException("Stale file handle");
            }
            return room;
        });
        rooms.put("store", new Room(100, 100));
        rooms.put("volume", new Room(1000, 500));
    }

    private List<FaultCode> standing() {
        return faults.recent().stream().filter(FaultLog.Fault::standing).map(FaultLog.Fault::code).sorted().toList();
    }

    private static MachineStatus machine(List<PlacedDisk> disks, long journalBytes, MachineStatus.Window window) {
        Position none = Position.NONE;
        return new MachineStatus(MACHINE, "vm", "LIVE", Fidelity.ORDERED,
                new Positions(MACHINE, none, none, none, none, none), "", none,
                new MachineStatus.Store(journalBytes, 0, 0, 0, 0, window), Points.NONE, disks, List.of(),
                new MachineStatus.Fold(false, 0, 0, 0), MachineStatus.Scrub.NONE, "");
    }

    @ParameterizedTest
    @CsvSource({"ENOUGH,20,ENOUGH", "ENOUGH,19,LOW", "ENOUGH,4,CRITICAL", "LOW,21,LOW", "LOW,23,LOW", "LOW,24,ENOUGH",
        "CRITICAL,5,CRITICAL", "CRITICAL,6,LOW", "CRITICAL,23,LOW", "CRITICAL,24,ENOUGH", "LOW,4,CRITICAL"})
    void aLevelIsLeftOnlyWhenThereIsClearlyMoreRoom(Level before, long free, Level after) {
        assertThat(new SpaceLevels(20, 5).after(before, new Room(100, free))).isEqualTo(after);
    }

    @Test
    void littleRoomIsWarnedOfAsLongAsThereIsLittle() {
        assertThat(watch.look(List.of()).volumes().getFirst().level()).isEqualTo(Level.ENOUGH);
        assertThat(standing()).isEmpty();
        rooms.put("volume", new Room(1000, 150));
        watch.look(List.of());
        watch.look(List.of());
        assertThat(standing()).containsExactly(FaultCode.SPACE_LOW);
        assertThat(faults.total(FaultCode.SPACE_LOW)).as("told once").isEqualTo(1);
        rooms.put("volume", new Room(1000, 10));
        watch.look(List.of());
        assertThat(standing()).containsExactly(FaultCode.SPACE_CRITICAL);
        rooms.put("volume", new Room(1000, 220));
        watch.look(List.of());
        assertThat(standing()).containsExactly(FaultCode.SPACE_LOW);
        rooms.put("volume", new Room(1000, 240));
        watch.look(List.of());
        assertThat(standing()).isEmpty();
    }

    @Test
    void aVolumeThatCannotBeLookedAtIsATroubleThatEnds() {
        Room room = rooms.remove("volume");
        assertThat(watch.look(List.of()).volumes().getFirst().trouble()).contains("Stale file handle");
        assertThat(standing()).containsExactly(FaultCode.STORE_FAILED);
        rooms.put("volume", room);
        watch.look(List.of());
        assertThat(standing()).isEmpty();
    }

    @Test
    void thinDisksThatMayOutgrowTheirDatastoreAreWarnedOf() throws IOException {
        long size = 8 << 20;
        List<PlacedDisk> disks = storage.datastores().prepare(MACHINE, "vm",
                List.of(new DiskInfo(0, "disk0", size, 512)));
        MachineStatus machine = machine(disks, 0, new MachineStatus.Window(0, 0, 0, 0, 0, false));
        rooms.put("store", new Room(2 * size, size / 2));
        SpaceWatch.Seen seen = watch.look(List.of(machine));
        assertThat(seen.datastores().getFirst().isOvercommitted()).isTrue();
        assertThat(seen.datastores().getFirst().machines()).containsExactly(MACHINE);
        assertThat(standing()).containsExactly(FaultCode.OVERCOMMITTED);
        rooms.put("store", new Room(4 * size, size));
        watch.look(List.of(machine));
        assertThat(standing()).as("just enough may be too little in a moment").containsExactly(FaultCode.OVERCOMMITTED);
        rooms.put("store", new Room(4 * size, 2 * size));
        watch.look(List.of(machine));
        assertThat(standing()).isEmpty();
    }

    @Test
    void aMachineIsPromisedWhatItsJournalMayStillGrowBy() {
        storage.volumes().place(MACHINE, "", volume -> 0);
        Usage usage = watch.look(List.of(machine(List.of(), 300, new MachineStatus.Window(0, 0, 0, 0, 1000, false))))
                .volumes().getFirst();
        assertThat(usage.usedBytes()).isEqualTo(300);
        assertThat(usage.promisedBytes()).isEqualTo(700);
        assertThat(usage.isOvercommitted()).isTrue();
    }

    private static MachineStatus reaching(long hours, boolean cut) {
        return machine(List.of(), 300, new MachineStatus.Window(HOUR_MICROS, (1 + hours) * HOUR_MICROS,
                hours * HOUR_MICROS, 24 * HOUR_MICROS, 1000, cut));
    }

    @Test
    void aWindowThatWasCutShortIsWarnedOfUntilItIsLongAgain() {
        WindowWatch window = new WindowWatch(MACHINE, faults);
        window.look(reaching(3, false));
        assertThat(window.isShort()).as("young").isFalse();
        window.look(reaching(23, true));
        assertThat(window.isShort()).as("nearly as long as it is to be").isFalse();
        window.look(reaching(12, true));
        window.look(reaching(12, true));
        assertThat(window.isShort()).isTrue();
        assertThat(faults.total(FaultCode.WINDOW_SHORT)).isEqualTo(1);
        assertThat(faults.recent().getFirst().text()).contains("12h back", "1970-01-01T01:00:00Z",
                "1970-01-01T13:00:00Z",
                "asks for 24h");
        window.look(reaching(3, true));
        assertThat(faults.recent().getFirst().text()).contains("3h back");
        window.look(reaching(23, true));
        assertThat(window.isShort()).as("not yet as long as it is to be").isTrue();
        window.look(reaching(24, true));
        assertThat(window.isShort()).isFalse();
        assertThat(standing()).isEmpty();
    }
}

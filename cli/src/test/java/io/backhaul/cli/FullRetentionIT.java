package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A retention volume is filled to its last byte: the window shrinks, and nothing else happens. */
class FullRetentionIT {
    private static final long DISK_BYTES = 64L << 20;
    private static final long REGION_BYTES = 32L << 20;
    private static final long RATE = 12L << 20;
    private static final String VOLUME_SIZE = "48m";

    @Test
    @Timeout(600)
    void aFullVolumeShrinksTheWindowAndLosesNothingAndTheWindowGrowsAgain() throws Exception {
        assumeTrue(FullSpoolIT.isRoot(), "only root can mount a tmpfs of 48 MiB: a full retention volume is not tried");
        assumeTrue(Tool.find("fio").isPresent(),
                "fio is not installed (Debian: fio): a full retention volume is not tried");
        try (Scene scene = Scene.of(DISK_BYTES)) {
            Path volume = Files.createDirectories(scene.resolve("tight"));
            assumeTrue(
                    FullSpoolIT.mounts("mount", "-t", "tmpfs", "-o", "size=" + VOLUME_SIZE, "tmpfs", volume.toString()),
                    "a tmpfs cannot be mounted here: a full retention volume is not tried");
            try {
                fillAndRelieve(scene, volume);
            } finally {
                scene.fleet().close();
                assertThat(FullSpoolIT.mounts("umount", volume.toString())).isTrue();
            }
        }
    }

    private static void fillAndRelieve(Scene scene, Path volume) throws Exception {
        Fleet fleet = scene.fleet();
        fleet.configure(Part.MASTER_TARGET, """
                volumes = [{ name = spare, folder = spare }, { name = tight, folder = "%s" }]
                datastores = [{ name = other, folder = other }
                  { name = solid, folder = solid, preallocation = thick, format = raw }]
                machines = [{ id = "%s", retention-volume = tight, datastore = solid }]
                segment = 1MiB
                """.formatted(volume, fleet.id(Part.SOURCE)));
        fleet.start();
        scene.awaitOrdered();
        long comparisons = scene.comparisons();
        Process fio = scene.write(REGION_BYTES, RATE);
        Answer machine = scene.await(Part.MASTER_TARGET, "the window is cut short because the volume is full",
                status -> status.group("window").flag("short"));
        assertThat(machine.text("volume")).isEqualTo("tight");
        awaitStanding(fleet, FaultCode.WINDOW_SHORT, "window of ");
        Position oldest = Position.parse(machine.text("oldest"));
        Path filler = volume.resolve("filler");
        fill(filler);
        scene.awaitWritten(24L << 20);
        scene.await(Part.MASTER_TARGET, "the window goes on shrinking from its old end",
                status -> !status.text("oldest").isEmpty() && oldest.isBefore(Position.parse(status.text("oldest"))));
        scene.awaitJournaled();
        awaitStanding(fleet, FaultCode.SPACE_CRITICAL, "retention volume tight");
        fill(filler);
        scene.awaitWritten(8L << 20);
        Files.delete(filler);
        Scene.stop(fio);
        scene.awaitJournaled();
        assertStaysWhereItLies(scene, volume);
        assertThat(fleet.machine(Part.SOURCE).count("overflows")).as("overflows").isZero();
        assertThat(scene.comparisons()).as("comparisons").isEqualTo(comparisons);
        scene.assertIdentical();
    }

    /** Another order, and no assignment: what lies where it lies is found again, and what is said of it too. */
    private static void assertStaysWhereItLies(Scene scene, Path volume) throws Exception {
        Fleet fleet = scene.fleet();
        fleet.child(Part.MASTER_TARGET).kill();
        fleet.configure(Part.MASTER_TARGET, """
                volumes = [{ name = tight, folder = "%s" }, { name = spare, folder = spare }]
                machines = []
                """.formatted(volume));
        fleet.start(Part.MASTER_TARGET);
        Answer machine = scene.await(Part.MASTER_TARGET, "the machine is found, and its window is short still",
                status -> status.group("window").flag("short"));
        assertThat(machine.text("volume")).isEqualTo("tight");
        assertThat(machine.groups("disks").getFirst().text("datastore")).isEqualTo("solid");
        Awaitility.await("room is looked at again, now that the machine is found").atMost(Duration.ofMinutes(1))
                .untilAsserted(() -> assertPlaced(places(fleet), fleet.id(Part.SOURCE)));
        assertThat(Backhaul.commandLine().execute("datastores", "--config",
                fleet.config(Part.MASTER_TARGET).toString())).isEqualTo(Backhaul.DONE);
    }

    private static void assertPlaced(Answer places, UUID machine) {
        assertThat(places.groups("volumes")).extracting(place -> place.text("name")).containsExactly("tight", "spare");
        Answer solid = places.groups("datastores").getLast();
        assertThat(solid.count("usedBytes")).as("a thick disk takes all").isGreaterThanOrEqualTo(DISK_BYTES);
        assertThat(solid.count("promisedBytes")).isZero();
        assertThat(solid.members().get("machines")).isEqualTo(List.of(machine.toString()));
    }

    private static Answer places(Fleet fleet) throws ControlFault {
        return new Answer(fleet.client(Part.MASTER_TARGET).ask("datastores", Map.of()));
    }

    /** Room is looked at every few seconds only. */
    private static void awaitStanding(Fleet fleet, FaultCode code, String subject) {
        Awaitility.await(code + " of " + subject).atMost(Duration.ofMinutes(1))
                .untilAsserted(() -> assertThat(fleet.status(Part.MASTER_TARGET).groups("faults"))
                        .filteredOn(fault -> fault.text("code").equals(code.label()) && fault.flag("standing"))
                        .singleElement().satisfies(fault -> assertThat(fault.text("subject")).startsWith(subject)));
    }

    /** Takes whatever room there is, to the last byte. */
    private static void fill(Path filler) {
        byte[] piece = new byte[4096];
        try (OutputStream out = Files.newOutputStream(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            while (true) {
                out.write(piece);
            }
        } catch (IOException full) {
            assertThat(full).hasMessageContaining("No space left");
        }
    }
}

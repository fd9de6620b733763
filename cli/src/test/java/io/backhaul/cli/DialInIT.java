package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.backhaul.protocol.FaultCode;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The master target dials the process server: through kills of either side, and not in another's name. */
class DialInIT {
    private static final long DISK_BYTES = 16L << 20;
    private static final String TARGETS = "targets = [{ id = %s, machines = [\"*\"] }]";

    @Test
    @Timeout(300)
    void theMasterTargetDialsThroughKillsAndOnlyInItsOwnName() throws Exception {
        assumeTrue(Tool.find("fio").isPresent(), "fio is not installed (Debian: fio): parts are not killed under load");
        try (Scene scene = Scene.of(DISK_BYTES)) {
            Fleet fleet = scene.fleet();
            fleet.start();
            scene.awaitOrdered();
            String relay = fleet.listen(Part.PROCESS_SERVER).orElseThrow();
            fleet.configure(Part.MASTER_TARGET, "dial = [\"" + relay + "\"]");
            fleet.configure(Part.PROCESS_SERVER, TARGETS.formatted(UUID.randomUUID()));
            for (Part part : List.of(Part.MASTER_TARGET, Part.PROCESS_SERVER)) {
                killAndStart(fleet, part);
            }
            scene.await(Part.PROCESS_SERVER, "nobody has come under the id that it lists",
                    machine -> machine.text("trouble").contains("has not dialled in"));
            assertThat(codes(fleet, Part.PROCESS_SERVER)).contains(FaultCode.NOT_AUTHORISED.label());
            assertThat(codes(fleet, Part.MASTER_TARGET)).contains(FaultCode.NOT_AUTHORISED.label());
            fleet.configure(Part.PROCESS_SERVER, TARGETS.formatted(fleet.id(Part.MASTER_TARGET)));
            killAndStart(fleet, Part.PROCESS_SERVER);
            scene.write(8L << 20, 4L << 20);
            for (Part part : List.of(Part.MASTER_TARGET, Part.PROCESS_SERVER)) {
                scene.awaitWritten(1L << 20);
                scene.awaitJournaled();
                killAndStart(fleet, part);
            }
            scene.awaitJournaled();
            assertThat(fleet.machine(Part.PROCESS_SERVER).text("target"))
                    .isEqualTo("master-target/" + fleet.id(Part.MASTER_TARGET));
            assertThat(scene.comparisons()).as("comparisons of all disks").isEqualTo(1);
        }
    }

    private static void killAndStart(Fleet fleet, Part part) throws Exception {
        fleet.child(part).kill();
        fleet.start(part);
    }

    private static List<String> codes(Fleet fleet, Part part) throws Exception {
        return fleet.status(part).groups("faults").stream().map(fault -> fault.text("code")).toList();
    }
}

package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every part is killed once in turn while fio writes; nothing is lost, and nothing is compared from the beginning. */
class KilledPartsIT {
    private static final long DISK_BYTES = 256L << 20;
    private static final long REGION_BYTES = 24L << 20;
    private static final long RATE = 6L << 20;
    private static final long BETWEEN_BYTES = 6L << 20;
    /** Blocks of the region that were under way are read again, those beyond it never. */
    private static final long MAX_REREAD_BYTES = 2 * REGION_BYTES;

    @Test
    @Timeout(600)
    void eachPartKilledInTurnUnderLoadEndsIdenticalWithoutAResync() throws Exception {
        assumeTrue(Tool.find("fio").isPresent(), "fio is not installed (Debian: fio): parts are not killed under load");
        try (Scene scene = Scene.of(DISK_BYTES)) {
            Fleet fleet = scene.fleet();
            fleet.start();
            scene.awaitOrdered();
            Process fio = scene.write(REGION_BYTES, RATE);
            for (Part part : new Part[]{Part.PROCESS_SERVER, Part.MASTER_TARGET, Part.MANAGEMENT}) {
                long readBefore = fleet.machine(Part.SOURCE).count("readBytes");
                scene.awaitWritten(BETWEEN_BYTES);
                fleet.child(part).kill();
                scene.awaitWritten(BETWEEN_BYTES);
                fleet.start(part);
                scene.awaitJournaled();
                assertThat(fio.isAlive()).as("the writer does not notice that the " + part.label() + " was killed")
                        .isTrue();
                assertThat(fleet.machine(Part.SOURCE).count("readBytes") - readBefore)
                        .as("read again after the " + part.label() + " was killed").isLessThan(MAX_REREAD_BYTES);
            }
            scene.awaitWritten(BETWEEN_BYTES);
            fleet.child(Part.SOURCE).kill();
            // Some versions of fio spin for ever once their server is gone.
            Scene.stop(fio);
            fleet.start(Part.SOURCE);
            Process again = scene.write(REGION_BYTES, RATE);
            scene.awaitWritten(BETWEEN_BYTES);
            scene.awaitJournaled();
            assertThat(fleet.machine(Part.SOURCE).count("readBytes")).as("read again after the source was killed")
                    .isLessThan(MAX_REREAD_BYTES);
            Scene.stop(again);
            scene.awaitJournaled();
            scene.assertIdentical();
        }
    }
}

package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.FaultCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A disk at the master target that is too small for the machine's is named, with what to do, and not written. */
class UnfitDiskIT {
    private static final long DISK_BYTES = 8L << 20;

    @Test
    @Timeout(300)
    void aDiskTooSmallIsNamedOnBothSides() throws Exception {
        try (Scene scene = Scene.of(DISK_BYTES)) {
            Fleet fleet = scene.fleet();
            Path small = scene.resolve("small.img");
            SampleImage.makeRaw(small, DISK_BYTES / 2);
            byte[] before = Files.readAllBytes(small);
            fleet.configure(Part.MASTER_TARGET, "machines = [{ id = \"" + fleet.id(Part.SOURCE)
                    + "\", disks = [{ index = 0, path = \"" + small + "\", format = raw }] }]");
            fleet.start();
            await(scene, Part.MASTER_TARGET);
            assertThat(mismatch(fleet, Part.MASTER_TARGET).orElseThrow().text("text")).contains(small.toString());
            await(scene, Part.SOURCE);
            assertThat(small).hasBinaryContent(before);
        }
    }

    private static void await(Scene scene, Part part) throws Exception {
        try {
            Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> mismatch(scene.fleet(), part).isPresent());
        } catch (ConditionTimeoutException late) {
            throw new AssertionError("the " + part.label() + " says " + scene.fleet().status(part) + scene.logs(),
                    late);
        }
    }

    private static Optional<Answer> mismatch(Fleet fleet, Part part) throws Exception {
        return fleet.status(part).groups("faults").stream()
                .filter(fault -> fault.text("code").equals(FaultCode.DISK_MISMATCH.label())).findFirst();
    }
}

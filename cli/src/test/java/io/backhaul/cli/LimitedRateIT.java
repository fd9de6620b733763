package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.control.ControlFault;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A process server is told to forward slowly, and while it runs, to do so as fast as it can. */
class LimitedRateIT {
    private static final long DISK_BYTES = 32L << 20;
    private static final String SLOW = "limits = [{ rate = 64KiB }]";

    @Test
    @Timeout(300)
    void aLimitHoldsUntilItIsTakenOutOfTheFileAndTheFileIsReadAgain() throws Exception {
        try (Scene scene = Scene.of(DISK_BYTES)) {
            Fleet fleet = scene.fleet();
            fleet.configure(Part.PROCESS_SERVER, SLOW);
            fleet.start();
            Answer machine = scene.await(Part.PROCESS_SERVER, "it is held back", each -> each.flag("limited"));
            assertThat(machine.count("limitBytesPerSecond")).isEqualTo(64 << 10);
            Path file = fleet.config(Part.PROCESS_SERVER);
            String text = Files.readString(file);
            Files.writeString(file, text.replace("64KiB", "64 parsecs"));
            assertThatThrownBy(() -> fleet.client(Part.PROCESS_SERVER).ask("reload", Map.of()))
                    .isInstanceOf(ControlFault.class).hasMessageContaining("parsecs");
            assertThat(fleet.status(Part.PROCESS_SERVER).count("limitBytesPerSecond")).as("that held stays")
                    .isEqualTo(64 << 10);
            Files.writeString(file, text.replace(SLOW, ""));
            Answer now = new Answer(fleet.client(Part.PROCESS_SERVER).ask("reload", Map.of()));
            assertThat(now.members()).containsKey("limits").doesNotContainKey("limitBytesPerSecond");
            scene.awaitOrdered();
            scene.awaitJournaled();
            assertThat(fleet.machine(Part.PROCESS_SERVER).members()).doesNotContainKey("limitBytesPerSecond");
        }
    }
}

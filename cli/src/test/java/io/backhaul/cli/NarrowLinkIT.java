package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.backhaul.engine.time.SystemClock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The machine writes about twice as much as the link to the process server takes, and then little. */
class NarrowLinkIT {
    private static final long DISK_BYTES = 128L << 20;
    private static final long REGION_BYTES = 64L << 20;
    private static final long LINK_RATE = 4L << 20;
    private static final long MUCH_RATE = 3 * LINK_RATE;
    private static final long LITTLE_RATE = LINK_RATE / 16;
    private static final double SAID_WITHIN_SECONDS = 30;

    @Test
    @Timeout(600)
    void itIsSaidThatTheStreamDoesNotConvergeAndWhyAndItIsOrderedAgainOnceLessIsWritten() throws Exception {
        assumeTrue(Tool.find("fio").isPresent(), "fio is not installed (Debian: fio): a narrow link is not tried");
        try (Scene scene = Scene.of(DISK_BYTES);
                Line line = Line.to(() -> scene.fleet().listen(Part.PROCESS_SERVER).orElseThrow())) {
            scene.fleet().configure(Part.SOURCE, """
                    process-servers = ["%s"]
                    buffer = 8MiB
                    """.formatted(line.address()));
            scene.fleet().start();
            scene.awaitOrdered();
            scene.awaitJournaled();
            line.narrow(LINK_RATE);
            long beganNanos = SystemClock.INSTANCE.nanos();
            Process much = scene.write(REGION_BYTES, MUCH_RATE);
            Answer said = scene.await(Part.SOURCE, "it is said that it does not converge",
                    machine -> machine.text("pace").equals("not converging"));
            assertThat((SystemClock.INSTANCE.nanos() - beganNanos) / 1e9).as("seconds until it is said")
                    .isLessThan(SAID_WITHIN_SECONDS);
            assertThat(said.text("reason")).contains("look at the link to it", "have less written");
            Scene.stop(much);
            Process little = scene.write(REGION_BYTES, LITTLE_RATE);
            scene.await(Part.SOURCE, "it keeps up, in order", machine -> machine.text("pace").equals("keeping up")
                    && machine.text("fidelity").equals("ORDERED"));
            assertThat(little.isAlive()).as("it is still written").isTrue();
            Scene.stop(little);
            scene.awaitJournaled();
            scene.assertIdentical();
            assertThat(scene.comparisons()).as("the first comparison, and no other").isEqualTo(1);
        }
    }
}

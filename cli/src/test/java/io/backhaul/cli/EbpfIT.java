package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.time.SystemClock;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@code ./check ebpf}. */
class EbpfIT {
    @Test
    @Timeout(600)
    void whatIsWrittenToRealDisksIsRecoveredAsItWasAtEveryMomentThroughKillsAndOverflows() throws Exception {
        String obstacle = EbpfCheck.obstacle();
        if (!obstacle.isEmpty()) {
            System.out.println("NOT RUN: the capture in the kernel: " + obstacle);
            assertThat(System.getenv("CI")).as("not run: %s", obstacle).isNotEqualTo("true");
            Assumptions.abort(obstacle);
        }
        Map<String, Object> figures = EbpfCheck.run(EbpfScale.SHORT, SystemClock.INSTANCE.wallMicros());
        System.out.println(figures);
        assertThat(figures).containsEntry("capture", "ebpf");
    }
}

package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

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
        var findings = new Findings();
        EbpfCheck.run(EbpfScale.SHORT, findings);
        System.out.println(findings.figures());
        assertThat(findings.figures()).containsEntry("capture", "ebpf");
    }
}

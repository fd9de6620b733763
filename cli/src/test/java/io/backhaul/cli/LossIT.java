package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@code ./check loss}. */
class LossIT {
    @Test
    @Timeout(300)
    void whatWasLostWithAProcessServerIsSentAnotherWayAndLittleElse() throws Exception {
        var findings = new Findings();
        LossCheck.run(LossScale.SHORT, findings);
        System.out.println(findings.figures());
        assertThat(findings.figures()).containsKeys("sentToUndelivered");
    }
}

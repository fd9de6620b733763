package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@code ./check resync}. */
class ResyncIT {
    @Test
    @Timeout(600)
    void aComparisonMovesWhatDiffersAndLittleElseHoweverOftenItIsCutOff() throws Exception {
        var findings = new Findings();
        ResyncCheck.run(ResyncScale.SHORT, findings);
        System.out.println(findings.figures());
        assertThat(findings.figures()).containsKeys("toBound", "killedToUndisturbed");
    }
}

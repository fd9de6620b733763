package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@code ./check soak}. */
class SoakIT {
    @Test
    @Timeout(600)
    void nothingIsLostWrongOrComparedAnewWhateverHappensToThePartsAndTheLinesBetweenThem() throws Exception {
        var findings = new Findings();
        SoakCheck.run(SoakScale.SHORT, findings);
        System.out.println(findings.figures());
        assertThat(findings.figures()).containsKeys("writes", "pointsChecked");
    }
}

package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@code ./check scale}. */
class ScaleIT {
    @Test
    @Timeout(300)
    void manySourcesOnOneProcessServerTakeLittleMemoryAndDoNotLagForOneThatFloodsOrATargetThatIsAway()
            throws Exception {
        var findings = new Findings();
        ScaleCheck.run(ScaleScale.SHORT, findings);
        System.out.println(findings.figures());
        assertThat(findings.figures()).containsKeys("idleBytes", "floodLagP99Millis", "targetAwayLagP99Millis");
    }
}

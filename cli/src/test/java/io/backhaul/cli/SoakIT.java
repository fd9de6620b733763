package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.time.SystemClock;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@code ./check soak}. */
class SoakIT {
    @Test
    @Timeout(600)
    void nothingIsLostWrongOrComparedAnewWhateverHappensToThePartsAndTheLinesBetweenThem() throws Exception {
        Map<String, Object> figures = SoakCheck.run(SoakScale.SHORT, SystemClock.INSTANCE.wallMicros());
        System.out.println(figures);
        assertThat(figures).containsKeys("writes", "pointsChecked");
    }
}

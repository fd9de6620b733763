package io.backhaul.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.simulation.world.EventLog;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetector.Level;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A few whole lives of the system; {@code ./check simulate} lives as many as there is time for. */
class SimulationTest {
    /** Processes are killed with frames in their hands, on purpose. */
    @BeforeAll
    static void deathsLeak() {
        ResourceLeakDetector.setLevel(Level.DISABLED);
    }

    @AfterAll
    static void nothingElseMay() {
        ResourceLeakDetector.setLevel(Level.PARANOID);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void whateverFailsNothingIsLostAndEverythingConverges(long seed) {
        System.out.println("seed " + seed);
        Run.Outcome outcome = new Run(Plan.of(seed, Set.of()), new EventLog()).go();
        assertThat(outcome.failure()).as("seed %d: ./check simulate --seed %d", seed, seed).isNull();
    }

    @Test
    void theSameSeedIsTheSameRunEventByEvent() {
        assertThat(Campaign.firstDifference(Plan.of(5, Set.of()))).isNegative();
    }
}

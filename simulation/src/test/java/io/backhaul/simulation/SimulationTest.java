package io.backhaul.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.time.SystemClock;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetector.Level;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Whole lives of the system, of seeds that are new every day: as many as there are in {@code -Dsimulation.seconds} (45).
 * {@code ./check simulate} lives as many as there is time for.
 */
class SimulationTest {
    private static final long SEEDS_A_DAY = 1_000_000;
    private static final long SECONDS = Long.getLong("simulation.seconds", 45);
    private static final int THREADS = Runtime.getRuntime().availableProcessors();

    /** Processes are killed with frames in their hands, on purpose. */
    @BeforeAll
    static void deathsLeak() {
        ResourceLeakDetector.setLevel(Level.DISABLED);
    }

    @AfterAll
    static void nothingElseMay() {
        ResourceLeakDetector.setLevel(Level.PARANOID);
    }

    @Test
    void whateverFailsNothingIsLostAndEverythingConverges() throws InterruptedException {
        long first = Long.getLong("simulation.from", LocalDate.now(ZoneOffset.UTC).toEpochDay() * SEEDS_A_DAY);
        System.out.println("seeds from " + first + " on; again: ./check simulate --from " + first);
        Campaign campaign = new Campaign(SystemClock.INSTANCE, Set.of(), failure -> {});
        campaign.run(first, SEEDS_A_DAY, SECONDS * 1_000_000_000, THREADS);
        String said = campaign.report().asText((double) SECONDS, THREADS);
        System.out.println(said);
        assertThat(campaign.report().isGood()).as(said).isTrue();
        assertThat(campaign.report().runs()).as("seeds run").isPositive();
    }

    @Test
    void theSameSeedIsTheSameRunEventByEvent() throws InterruptedException {
        assertThat(Campaign.differing(1, 4, Set.of(), THREADS)).as("./check simulate --twice --from 1 --seeds 4")
                .isEmpty();
    }
}

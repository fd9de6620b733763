package io.backhaul.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.backhaul.engine.time.SystemClock;
import io.backhaul.simulation.defect.Defects;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetector.Level;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The simulation finds what is broken on purpose; {@code ./check simulate --defects} hunts all, however long it takes. */
class DefectsTest {
    private static final long SECONDS = Long.getLong("simulation.defectSeconds", 60);
    private static final long MAX_RUNS = 80;

    @BeforeAll
    static void deathsLeak() {
        ResourceLeakDetector.setLevel(Level.DISABLED);
    }

    @AfterAll
    static void nothingElseMay() {
        ResourceLeakDetector.setLevel(Level.PARANOID);
    }

    @Test
    void thereAreEnough() {
        assertThat(Defects.names()).doesNotHaveDuplicates().hasSizeGreaterThanOrEqualTo(27);
    }

    @Test
    void eachChangesCodeThatIsThere() {
        assertThatCode(Defects::applyAll).doesNotThrowAnyException();
    }

    /** As many as there is time for, from another one on every day. */
    @Test
    void whatIsBrokenIsFound() throws InterruptedException {
        int offset = (int) (LocalDate.now(ZoneOffset.UTC).toEpochDay() * 7 % Defects.names().size());
        var search = new Defects.Search("", offset, 1, MAX_RUNS, true);
        List<Defects.Result> results = new Defects(SystemClock.INSTANCE).hunt(search, SECONDS * 1_000_000_000,
                Runtime.getRuntime().availableProcessors(), System.out::println);
        assertThat(results).as("defects hunted").isNotEmpty();
        assertThat(results).as("./check simulate --defects").filteredOn(Defects.Result::outcome,
                Defects.Outcome.MISSED).isEmpty();
        System.out.println(results.stream().filter(Defects.Result::isFound).count() + " of " + Defects.names().size()
                + " were hunted and found in " + SECONDS + " s");
    }
}

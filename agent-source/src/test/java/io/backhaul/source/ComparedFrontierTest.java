package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.Position;
import org.junit.jupiter.api.Test;

class ComparedFrontierTest {
    private static final long NOTHING_MARKED = Long.MAX_VALUE;

    private final ComparedFrontier frontier = new ComparedFrontier();

    private static Position at(long sequence) {
        return new Position(3, sequence);
    }

    @Test
    void whatWasSentCountsOnceItIsJournaledAndMarkedNoMore() {
        frontier.reached(at(10), new long[]{100});
        frontier.reached(at(20), new long[]{200});
        assertThat(frontier.settled(at(9), NOTHING_MARKED)).isNull();
        assertThat(frontier.settled(at(20), 10)).isNull();
        assertThat(frontier.settled(at(20), 11)).containsExactly(100);
        assertThat(frontier.settled(at(20), NOTHING_MARKED)).containsExactly(200);
        assertThat(frontier.settled(at(30), NOTHING_MARKED)).as("nothing new").isNull();
    }

    @Test
    void whereNothingDiffersTheFarthestCountsAtOnce() {
        frontier.reached(at(1), new long[]{100});
        frontier.reached(at(1), new long[]{200});
        assertThat(frontier.settled(at(1), NOTHING_MARKED)).containsExactly(200);
    }

    @Test
    void theStepsAreBoundedAndTheFarthestIsKept() {
        for (int i = 1; i <= 1000; i++) {
            frontier.reached(at(i), new long[]{i});
        }
        assertThat(frontier.settled(at(999), NOTHING_MARKED)).as("the last steps are one").containsExactly(255);
        assertThat(frontier.settled(at(1000), NOTHING_MARKED)).containsExactly(1000);
    }

    @Test
    void anotherComparisonBeginsWithNothing() {
        frontier.reached(at(1), new long[]{100});
        frontier.clear();
        assertThat(frontier.settled(at(9), NOTHING_MARKED)).isNull();
    }
}

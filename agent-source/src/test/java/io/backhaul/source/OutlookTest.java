package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.source.Outlook.Trend;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

class OutlookTest {
    private static final long MIB = 1 << 20;
    private static final long STEP_MILLIS = 500;
    private final Outlook outlook = new Outlook();
    private long millis;
    private long through;

    /** So long, with a backlog as a function of the seconds, and so much getting through. */
    private void pass(int seconds, long throughPerSecond, LongUnaryOperator backlogBytes) {
        for (long end = millis + seconds * 1000L; millis < end; millis += STEP_MILLIS) {
            through += throughPerSecond * STEP_MILLIS / 1000;
            outlook.look(millis * 1_000_000, backlogBytes.applyAsLong(millis / 1000), through);
        }
    }

    private Trend trend() {
        return outlook.verdict().trend();
    }

    @Test
    void aBacklogOfLessThanASecondIsNone() {
        pass(60, 50 * MIB, second -> 30 * MIB);
        assertThat(trend()).isEqualTo(Trend.KEEPING_UP);
    }

    @Test
    void aBacklogThatGrowsIsSaidWithinHalfAMinute() {
        pass(18, 10 * MIB, second -> second * 10 * MIB);
        assertThat(trend()).isEqualTo(Trend.CATCHING_UP);
        pass(11, 10 * MIB, second -> second * 10 * MIB);
        assertThat(trend()).isEqualTo(Trend.NOT_CONVERGING);
        assertThat(outlook.verdict().etaMillis()).isEqualTo(-1);
        assertThat(outlook.verdict().throughBytesPerSecond()).isBetween(9 * MIB, 11 * MIB);
    }

    @Test
    void aBacklogThatStaysIsNoBetter() {
        pass(40, MIB, second -> 24 * MIB);
        assertThat(trend()).isEqualTo(Trend.NOT_CONVERGING);
    }

    @Test
    void aBacklogThatShrinksHasATimeLeft() {
        pass(30, 10 * MIB, second -> (1000 - 10 * second) * MIB);
        assertThat(trend()).isEqualTo(Trend.CATCHING_UP);
        assertThat(outlook.verdict().etaMillis()).isBetween(60_000L, 80_000L);
    }

    @Test
    void whenTheLoadDropsItIsNotSaidAnyLonger() {
        pass(40, 10 * MIB, second -> 200 * MIB);
        assertThat(trend()).isEqualTo(Trend.NOT_CONVERGING);
        pass(15, 10 * MIB, second -> (200 - 10 * (second - 40)) * MIB);
        assertThat(trend()).isEqualTo(Trend.CATCHING_UP);
        pass(5, 10 * MIB, second -> MIB);
        assertThat(trend()).isEqualTo(Trend.KEEPING_UP);
    }

    @Test
    void nothingIsSaidOfAStreamThatHasJustBegunAnew() {
        pass(40, 10 * MIB, second -> 200 * MIB);
        through = 0;
        pass(5, 10 * MIB, second -> 200 * MIB);
        assertThat(trend()).isEqualTo(Trend.CATCHING_UP);
    }
}

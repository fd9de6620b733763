package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FoldPauseTest {
    private static final long SECOND = 1_000_000_000L;

    private final FoldPause pause = new FoldPause();

    @Test
    void nobodyPausesWhoHasNotWorked() {
        assertThat(pause.leftNanos(-SECOND)).isZero();
        assertThat(pause.leftNanos(SECOND)).isZero();
    }

    @Test
    void twoThirdsOfTheTimeAreForThoseWhoWait() {
        pause.worked(SECOND, 10 * SECOND, true);
        assertThat(pause.leftNanos(10 * SECOND)).isEqualTo(2 * SECOND);
        assertThat(pause.leftNanos(11 * SECOND)).isEqualTo(SECOND);
        assertThat(pause.leftNanos(12 * SECOND)).isZero();
        assertThat(pause.leftNanos(20 * SECOND)).isZero();
    }

    @Test
    void itIsNeverLong() {
        pause.worked(3600 * SECOND, 0, true);
        assertThat(pause.leftNanos(0)).isEqualTo(30 * SECOND);
    }

    @Test
    void whereNobodyWaitsItGoesOnAtOnce() {
        pause.worked(SECOND, 10 * SECOND, true);
        pause.worked(SECOND, 11 * SECOND, false);
        assertThat(pause.leftNanos(11 * SECOND)).isZero();
    }
}

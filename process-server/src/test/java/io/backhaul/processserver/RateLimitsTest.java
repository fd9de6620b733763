package io.backhaul.processserver;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.time.Clock;
import java.time.DayOfWeek;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RateLimitsTest {
    private static final UUID ONE = new UUID(1, 1);
    private static final UUID OTHER = new UUID(2, 2);
    private static final long SECOND = 1_000_000_000L;
    private static final int FRAME = 100_000;
    /** A Monday. */
    private static final LocalDateTime NOON = LocalDateTime.of(2026, 11, 23, 12, 0);

    private final TestTime time = new TestTime();
    private final RateLimits limits = new RateLimits(time, ZoneOffset.UTC);

    /** Time as a test wants it. */
    private static final class TestTime implements Clock {
        private long nanos;
        private LocalDateTime wall = NOON;

        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public long wallMicros() {
            return wall.toEpochSecond(ZoneOffset.UTC) * 1_000_000;
        }
    }

    private static RateRule rule(long rate, @Nullable UUID machine) {
        return RateRule.always(rate, machine);
    }

    private static RateRule rule(long rate, @Nullable UUID machine, String from, String to,
            Set<DayOfWeek> days) {
        return new RateRule(rate, machine, LocalTime.parse(from), LocalTime.parse(to), days);
    }

    /** How many frames go in so many seconds where it is asked every millisecond. */
    private int sent(RateLimits.MachinePace pace, int seconds) {
        int frames = 0;
        long end = time.nanos + seconds * SECOND;
        while (time.nanos < end) {
            while (pace.nanosUntil(FRAME) == 0 && frames < 10_000) {
                frames++;
            }
            time.nanos += 1_000_000;
        }
        return frames;
    }

    @Test
    void withoutRulesEverythingGoesAtOnce() {
        assertThat(limits.pace(ONE).nanosUntil(FRAME)).isZero();
        assertThat(limits.bytesPerSecond()).isEqualTo(Throttle.UNBOUNDED);
    }

    @Test
    void asMuchGoesInASecondAsTheRuleSays() {
        limits.set(List.of(rule(10 * FRAME, null)));
        RateLimits.MachinePace pace = limits.pace(ONE);
        assertThat(sent(pace, 10)).isBetween(99, 102);
        assertThat(pace.limit().holdsBack()).isTrue();
        assertThat(pace.limit().bytesPerSecond()).isEqualTo(10 * FRAME);
    }

    @Test
    void twoShareWhatIsForAllAndNeitherStarves() {
        limits.set(List.of(rule(10 * FRAME, null)));
        RateLimits.MachinePace one = limits.pace(ONE);
        RateLimits.MachinePace other = limits.pace(OTHER);
        int ofOne = 0;
        int ofOther = 0;
        for (int i = 0; i < 10_000; i++) {
            // One asks a hundred times as often.
            for (int j = 0; j < 100; j++) {
                ofOne += one.nanosUntil(FRAME) == 0 ? 1 : 0;
            }
            ofOther += other.nanosUntil(FRAME) == 0 ? 1 : 0;
            time.nanos += 1_000_000;
        }
        assertThat(ofOne + ofOther).isBetween(98, 103);
        assertThat(ofOther).isBetween(48, 52);
    }

    @Test
    void twoShareByBytesWhateverTheSizeOfTheirFrames() {
        limits.set(List.of(rule(10 * FRAME, null)));
        RateLimits.MachinePace large = limits.pace(ONE);
        RateLimits.MachinePace small = limits.pace(OTHER);
        long ofLarge = 0;
        long ofSmall = 0;
        for (int i = 0; i < 20_000; i++) {
            ofLarge += large.nanosUntil(FRAME) == 0 ? FRAME : 0;
            ofSmall += small.nanosUntil(FRAME / 20) == 0 ? FRAME / 20 : 0;
            time.nanos += 1_000_000;
        }
        assertThat(ofLarge + ofSmall).isBetween(198L * FRAME, 203L * FRAME);
        assertThat(ofSmall).isBetween(95L * FRAME, 105L * FRAME);
    }

    @Test
    void whoComesBackAfterARestGoesNextAndHasSavedNothingUp() {
        limits.set(List.of(rule(10 * FRAME, null)));
        RateLimits.MachinePace busy = limits.pace(ONE);
        RateLimits.MachinePace rested = limits.pace(OTHER);
        assertThat(rested.nanosUntil(FRAME)).isZero();
        assertThat(sent(busy, 10)).isBetween(98, 103);
        int ofBusy = 0;
        int ofRested = 0;
        for (int i = 0; i < 2000; i++) {
            ofBusy += busy.nanosUntil(FRAME) == 0 ? 1 : 0;
            ofRested += rested.nanosUntil(FRAME) == 0 ? 1 : 0;
            assertThat(ofRested - ofBusy).as("after %d ms", i).isBetween(-1, 1);
            time.nanos += 1_000_000;
        }
        assertThat(ofRested).isBetween(9, 11);
    }

    @Test
    void whoHasGoneAwayWhileItWaitedHoldsTheOthersBackForAMomentOnly() {
        limits.set(List.of(rule(10 * FRAME, null)));
        RateLimits.MachinePace gone = limits.pace(ONE);
        RateLimits.MachinePace other = limits.pace(OTHER);
        while (other.nanosUntil(FRAME) == 0) {
            assertThat(time.nanos).as("it waits in the end").isZero();
        }
        assertThat(gone.nanosUntil(FRAME)).isPositive();
        assertThat(sent(other, 10)).isBetween(98, 103);
    }

    @Test
    void aMachinesOwnLimitHoldsNobodyElseBack() {
        limits.set(List.of(rule(10 * FRAME, ONE)));
        assertThat(sent(limits.pace(ONE), 10)).isBetween(99, 102);
        assertThat(limits.pace(OTHER).nanosUntil(FRAME)).isZero();
    }

    @Test
    void whoWaitsIsLetGoWhenTheLimitIsLifted() {
        limits.set(List.of(rule(FRAME / 100, null)));
        RateLimits.MachinePace pace = limits.pace(ONE);
        assertThat(pace.nanosUntil(FRAME)).as("after a rest").isZero();
        assertThat(pace.nanosUntil(FRAME)).as("asks again soon, though it is a hundred seconds")
                .isBetween(1L, SECOND);
        limits.set(List.of());
        assertThat(pace.nanosUntil(FRAME)).isZero();
    }

    @Test
    void ofTheRulesThatApplyTheNarrowestHolds() {
        limits.set(List.of(rule(3000, null), rule(2000, null, "08:00", "18:00", Set.of(DayOfWeek.MONDAY)),
                rule(1024, null, "13:00", "14:00", EnumSet.allOf(DayOfWeek.class))));
        assertThat(limits.bytesPerSecond()).isEqualTo(2000);
        time.wall = NOON.withHour(13);
        limits.look();
        assertThat(limits.bytesPerSecond()).isEqualTo(1024);
        time.wall = NOON.plusDays(1);
        limits.look();
        assertThat(limits.bytesPerSecond()).isEqualTo(3000);
        time.wall = NOON.withHour(18);
        limits.look();
        assertThat(limits.bytesPerSecond()).isEqualTo(3000);
    }

    @Test
    void aRuleThroughTheNightBelongsToTheDayOnWhichItBegins() {
        RateRule night = rule(2000, null, "22:00", "06:00", Set.of(DayOfWeek.MONDAY));
        assertThat(night.appliesAt(NOON.withHour(23))).isTrue();
        assertThat(night.appliesAt(NOON.plusDays(1).withHour(5))).isTrue();
        assertThat(night.appliesAt(NOON.plusDays(1).withHour(6))).isFalse();
        assertThat(night.appliesAt(NOON.withHour(5))).isFalse();
        assertThat(night.appliesAt(NOON)).isFalse();
        assertThat(night.appliesAt(NOON.plusDays(1).withHour(23))).isFalse();
    }

    @Test
    void aRuleWithoutTimesAppliesAllDayOnItsDays() {
        RateRule mondays = rule(2000, null, "00:00", "00:00", Set.of(DayOfWeek.MONDAY));
        assertThat(mondays.appliesAt(NOON.withHour(0))).isTrue();
        assertThat(mondays.appliesAt(NOON.withHour(23))).isTrue();
        assertThat(mondays.appliesAt(NOON.plusDays(1).withHour(0))).isFalse();
    }
}

package io.backhaul.processserver;

import java.time.DayOfWeek;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.EnumSet;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A rate, and where and when it applies.
 *
 * @param machine
 *            the one it is for; null: all together
 * @param from
 *            when it begins, each day
 * @param to
 *            when it ends; where that is not later than {@code from}, on the day after
 * @param days
 *            on which it begins
 */
public record RateRule(long bytesPerSecond, @Nullable UUID machine, LocalTime from, LocalTime to, Set<DayOfWeek> days) {
    public RateRule {
        days = Set.copyOf(days);
    }

    /** At all times. */
    public static RateRule always(long bytesPerSecond, @Nullable UUID machine) {
        return new RateRule(bytesPerSecond, machine, LocalTime.MIDNIGHT, LocalTime.MIDNIGHT,
                EnumSet.allOf(DayOfWeek.class));
    }

    boolean appliesAt(LocalDateTime now) {
        LocalTime time = now.toLocalTime();
        boolean begunToday = !time.isBefore(from) && (time.isBefore(to) || !from.isBefore(to));
        boolean begunYesterday = !from.isBefore(to) && time.isBefore(to);
        return (begunToday && days.contains(now.getDayOfWeek()))
                || (begunYesterday && days.contains(now.getDayOfWeek().minus(1)));
    }
}

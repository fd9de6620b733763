package io.backhaul.processserver;

import io.backhaul.engine.stream.Pace;
import io.backhaul.engine.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * How fast frames may go on to master targets, for all machines together and for each, by rules and by the time of day:
 * of the rules that apply the narrowest holds. Safe from any thread.
 */
final class RateLimits {
    private final Clock clock;
    private final ZoneId zone;
    private final Throttle all = new Throttle();
    private final Map<UUID, Throttle> machines = new ConcurrentHashMap<>();
    private volatile List<RateRule> rules = List.of();

    RateLimits(Clock clock, ZoneId zone) {
        this.clock = clock;
        this.zone = zone;
    }

    /** These rules hold from now on. */
    void set(List<RateRule> next) {
        rules = List.copyOf(next);
        look();
    }

    boolean isEmpty() {
        return rules.isEmpty();
    }

    /** Looks at the time, and sets the rates accordingly; once a second. */
    void look() {
        all.set(rate(null));
        machines.forEach((machine, throttle) -> throttle.set(rate(machine)));
    }

    private long rate(@Nullable UUID machine) {
        Instant wall = Instant.EPOCH.plus(clock.wallMicros(), ChronoUnit.MICROS);
        LocalDateTime now = LocalDateTime.ofInstant(wall, zone);
        return rules.stream()
                .filter(rule -> Objects.equals(machine, rule.machine()) && rule.appliesAt(now))
                .mapToLong(RateRule::bytesPerSecond).min().orElse(Throttle.UNBOUNDED);
    }

    /** What holds for all together now; {@link Throttle#UNBOUNDED} where nothing does. */
    long bytesPerSecond() {
        return all.bytesPerSecond();
    }

    /** The pace of one machine. */
    MachinePace pace(UUID machine) {
        Throttle own = machines.computeIfAbsent(machine, made -> new Throttle());
        own.set(rate(machine));
        return new MachinePace(own);
    }

    /** One machine's own turn, and then its turn among all. Owned by its loop. */
    final class MachinePace implements Pace {
        private final Throttle own;
        private final Throttle.Turn ownTurn;
        private final Throttle.Turn turn = new Throttle.Turn(all);
        private boolean waiting;

        MachinePace(Throttle own) {
            this.own = own;
            this.ownTurn = new Throttle.Turn(own);
        }

        @Override
        public long nanosUntil(int bytes) {
            long now = clock.nanos();
            long wait = ownTurn.nanosUntil(bytes, now);
            if (wait == 0) {
                wait = turn.nanosUntil(bytes, now);
            }
            waiting = wait > 0;
            if (!waiting) {
                ownTurn.used(now);
                turn.used(now);
            }
            return wait;
        }

        /** What holds for this machine now, of its own or of all. */
        MachineStatus.Limit limit() {
            return new MachineStatus.Limit(Math.min(own.bytesPerSecond(), all.bytesPerSecond()), waiting);
        }
    }
}

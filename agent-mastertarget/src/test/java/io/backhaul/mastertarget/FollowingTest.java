package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetector.Level;
import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The base follows the newest point, is told not to, and then to do so again, while the machine's state cannot be saved; the
 * process ends somewhere in between. What is offered afterwards must not lie before what the disks may hold.
 */
class FollowingTest {
    private static final long SECOND = 1_000_000_000L;
    private static final RetentionPolicy NEWEST = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(365),
            Long.MAX_VALUE);
    private static final RetentionPolicy OLDEST = new RetentionPolicy(Stand.OLDEST, Duration.ofDays(365),
            Long.MAX_VALUE);

    /** Frames are under way when a life ends: they are lost with it, on purpose. */
    @BeforeAll
    static void crashesMayLeak() {
        ResourceLeakDetector.setLevel(Level.DISABLED);
    }

    @AfterAll
    static void nothingElseMay() {
        ResourceLeakDetector.setLevel(Level.PARANOID);
    }

    private static TargetFixture following(long seed) {
        TargetFixture fixture = new TargetFixture(new Random(seed));
        fixture.policy = NEWEST;
        fixture.start();
        fixture.world.pass(SECOND);
        fixture.source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.source.everything();
        fixture.source.fidelity(Fidelity.ORDERED);
        write(fixture);
        for (int i = 0; i < 5; i++) {
            fixture.source.send();
            fixture.world.pass(SECOND);
        }
        assertThat(fixture.machine.status().base()).isEqualTo(fixture.source.last());
        return fixture;
    }

    private static void write(TargetFixture fixture) {
        fixture.source.writes(8);
        fixture.source.writes(8);
        fixture.source.send();
    }

    private static void assertOfferedReadBack(TargetFixture fixture, String when) throws IOException {
        for (RecoveryPoints.Interval interval : fixture.machine.points().intervals()) {
            for (Position at = interval.from(); interval.to().isAtLeast(at); at = at.plus(1)) {
                assertThat(Oracle.same(fixture.readAt(at), fixture.source.oracle.stateAt(at))).as("%s at %s", when, at)
                        .isTrue();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsOfferedAfterACrashIsWhole(boolean power) throws IOException {
        for (int seed = 0; seed < 60; seed++) {
            TargetFixture fixture = following(seed);
            Random random = new Random(seed);
            write(fixture);
            fixture.world.steps(random.nextInt(12));
            fixture.machine.changeRetention(OLDEST);
            fixture.volume.failIn(random.nextInt(8), new IOException("Input/output error"));
            fixture.world.steps(random.nextInt(20));
            fixture.machine.changeRetention(NEWEST);
            for (int i = random.nextInt(6); i > 0; i--) {
                write(fixture);
                fixture.world.pass(random.nextInt(2) * SECOND);
                fixture.world.steps(random.nextInt(30));
            }
            fixture.crash(power);
            fixture.policy = OLDEST;
            fixture.start();
            while (fixture.machine.state() instanceof MachineState.Opening && fixture.world.step()) {
                // until it is open
            }
            assertOfferedReadBack(fixture, "seed " + seed);
            fixture.source.close();
        }
    }
}

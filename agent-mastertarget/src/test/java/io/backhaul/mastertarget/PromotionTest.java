package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Promotions: to one point and to another, until one is committed. */
final class PromotionTest {
    private static final long SECOND = 1_000_000_000L;
    private final TargetFixture fixture = new TargetFixture(new Random(20261128));
    private final SourceModel source = fixture.source;

    @AfterEach
    void close() {
        source.close();
    }

    /** Hears of promotions, one after the other. */
    private static final class Told implements MasterTargetMachine.PromotionOutcome {
        private final List<String> all = new ArrayList<>();

        @Override
        public void done(Position position, long foldBytes, long checkedBytes) {
            all.add("at " + position + (checkedBytes > 0 ? ", read back" : ""));
        }

        @Override
        public void failed(String why) {
            all.add(why);
        }

        private String last() {
            return all.getLast();
        }
    }

    private Told promote(Position point, boolean commits) {
        Told told = new Told();
        fixture.machine.promote(new PointName.At(point), commits, told);
        fixture.world.pass(5 * SECOND);
        return told;
    }

    @Test
    void anotherPointMayBeChosenUntilThePromotionIsCommitted() throws IOException {
        fixture.begin();
        Position first = source.last();
        fixture.write();
        fixture.send();
        Position second = source.last();
        RecoveryPoints window = fixture.machine.points();
        for (Position point : List.of(second, first, second, first)) {
            assertThat(promote(point, false).all).containsExactly("at " + point + ", read back");
            assertThat(fixture.machine.status().state()).isEqualTo("PROMOTED");
            assertThat(Oracle.same(fixture.base(), source.oracle.stateAt(point))).isTrue();
            assertThat(fixture.machine.points()).isEqualTo(window);
        }
        Told told = new Told();
        fixture.machine.commit(told);
        fixture.world.pass(5 * SECOND);
        assertThat(told.all).hasSize(1);
        assertThat(fixture.machine.status().state()).isEqualTo("COMMITTED");
        assertThat(fixture.machine.points()).isEqualTo(Points.NONE);
        assertThat(fixture.volume.folder("undo").list("")).isEmpty();
        assertThat(fixture.volume.folder("index").list("")).isEmpty();
        assertThat(fixture.machine.status().store().journalBytes()).isLessThan(5000);
        assertThat(promote(second, false).last()).contains("COMMITTED").contains("given up");
        source.connect(fixture.machine);
        fixture.world.pass(SECOND);
        assertThat(source.refusals()).anyMatch(refusal -> refusal.fault() == FaultCode.FENCED);
    }

    @Test
    void disksThatSomebodyHasWrittenToAreNotBroughtToAnotherPoint() {
        fixture.begin();
        Position first = source.last();
        fixture.write();
        fixture.send();
        promote(source.last(), false);
        fixture.disk(1).writeBare(12_345, (byte) 99);
        byte[][] left = fixture.base();
        fixture.crash(true);
        fixture.start();
        fixture.world.pass(SECOND);
        assertThat(promote(first, false).last()).contains("disk-1 was written to since it was promoted to");
        assertThat(Oracle.same(fixture.base(), left)).isTrue();
        assertThat(fixture.machine.status().state()).isEqualTo("PROMOTED");
    }

    @Test
    void whatIsNotOnTheDiskAfterAPromotionIsNotHandedOut() {
        fixture.begin();
        fixture.write();
        fixture.send();
        fixture.disk(0).loseWrites(3);
        Told told = promote(source.last(), false);
        assertThat(fixture.faults.total(FaultCode.STORE_CORRUPT)).isPositive();
        assertThat(told.all).as("once the disk takes what is written").hasSize(1);
        assertThat(Oracle.same(fixture.base(), source.oracle.stateAt(source.last()))).isTrue();
    }

    @Test
    void thePlanOfAPromotionSaysHowMuchAndHowFast() {
        fixture.begin();
        fixture.write();
        fixture.send();
        List<PromotionPlan> plans = new ArrayList<>();
        fixture.machine.planPromotion(new PointName.Latest(), new MasterTargetMachine.PlanOutcome() {
            @Override
            public void done(PromotionPlan plan) {
                plans.add(plan);
            }

            @Override
            public void failed(String why) {
                throw new AssertionError(why);
            }
        });
        fixture.world.pass(SECOND);
        assertThat(plans).singleElement().satisfies(plan -> {
            assertThat(plan.position()).isEqualTo(source.last());
            assertThat(plan.foldBytes()).isPositive();
        });
    }
}

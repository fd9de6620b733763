package io.backhaul.processserver;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.log.StoreException;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class SpoolBudgetTest {
    private static final long TOTAL = 1600L << 20;

    private final SpoolBudget budget = new SpoolBudget(
            new RelayLimits(16 << 20, 64 << 20, 1L << 40, TOTAL, 64 << 20, RelayWorld.TIMING));

    @Test
    void oneMachineAloneMayTakeEverything() {
        SpoolBudget.Share only = budget.new Share();
        only.set(TOTAL - 1);
        assertThat(only.refuse(1)).isNull();
        assertThat(Objects.requireNonNull(only.refuse(2)).kind()).isEqualTo(StoreException.Kind.FULL);
    }

    @Test
    void whoHoldsMuchLeavesRoomForThoseWhoHoldLittle() {
        SpoolBudget.Share much = budget.new Share();
        SpoolBudget.Share little = budget.new Share();
        assertThat(little.evenBytes()).isEqualTo(100L << 20);
        much.set(1500L << 20);
        assertThat(much.refuse(1)).hasMessageContaining("hold less");
        assertThat(little.refuse(100L << 20)).isNull();
        assertThat(little.refuse((100L << 20) + 1)).isNotNull();
        little.set(100L << 20);
        assertThat(little.refuse(1)).isNotNull();
        much.set(1300L << 20);
        assertThat(much.refuse(1)).isNull();
        assertThat(little.refuse(1)).isNull();
    }

    @Test
    void aVolumeThatHasLessThanTheLimitIsTheLimit() {
        SpoolBudget.Share only = budget.new Share();
        only.set(10);
        budget.volumeHas(5);
        assertThat(only.refuse(5)).isNull();
        assertThat(only.refuse(6)).hasMessageContaining("enlarge the volume");
        budget.volumeHas(TOTAL);
        assertThat(only.refuse(6)).isNull();
    }
}

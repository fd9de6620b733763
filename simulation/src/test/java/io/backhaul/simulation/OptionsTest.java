package io.backhaul.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptionsTest {
    private static final long SECOND = 1_000_000_000L;

    private static Options of(String line) {
        return Options.of(line.isEmpty() ? List.of() : List.of(line.split(" ", -1)));
    }

    @Test
    void minutesAreMinutesAndShortIsShort() {
        assertThat(of("--minutes 0.5").nanos()).isEqualTo(30 * SECOND);
        assertThat(of("").nanos()).isEqualTo(180 * SECOND);
        assertThat(of("--short").nanos()).isEqualTo(20 * SECOND);
        assertThat(of("--short --defects").nanos()).isEqualTo(60 * SECOND);
    }

    @Test
    void soManySeedsAreRunHoweverLongItTakes() {
        assertThat(of("--from 7 --seeds 9").first).isEqualTo(7);
        assertThat(of("--from 7 --seeds 9").seeds()).isEqualTo(9);
        assertThat(of("--from 7 --seeds 9").nanos()).isGreaterThan(24 * 3600 * SECOND);
    }

    @Test
    void kindsOfFaultAreLeftOut() {
        assertThat(of("--seed 3 --without kill,LINK_CUT").without)
                .containsExactlyInAnyOrder(FaultKind.KILL, FaultKind.LINK_CUT);
    }

    @Test
    void theCommandThatReplaysARunMeansThatRun() {
        Plan plan = Plan.of(12, java.util.Set.of()).without(FaultKind.OPERATOR);
        Options options = of(plan.command().replace("./check simulate ", ""));
        assertThat(Plan.of(options.first, options.without)).isEqualTo(plan);
        assertThat(options.single).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"--nothing", "--seed", "--seed x", "--minutes -1", "--minutes 0", "--without NONE"})
    void whatMakesNoSenseIsRefused(String line) {
        assertThatThrownBy(() -> of(line)).isInstanceOf(IllegalArgumentException.class);
    }
}

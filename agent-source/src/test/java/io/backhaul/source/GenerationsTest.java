package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class GenerationsTest {
    @Test
    void theVeryFirstGenerationIsOneAndThoseOfOneProcessFollowEachOther() {
        Generations generations = new Generations(new SplittableRandom(1), 0);
        assertThat(generations.after(0)).isEqualTo(1);
        assertThat(generations.after(1)).isEqualTo(2);
    }

    @Test
    void twoAgentsWithOneStateBeginDifferentGenerationsAboveIt() {
        Generations machine = new Generations(new SplittableRandom(1), 7);
        Generations clone = new Generations(new SplittableRandom(2), 7);
        long one = machine.after(7);
        long other = clone.after(7);
        assertThat(one).isGreaterThan(7).isNotEqualTo(other);
        assertThat(other).isGreaterThan(7);
        assertThat(machine.after(one)).isEqualTo(one + 1);
    }

    @Test
    void whatLiesBetweenTheStateAndTheFirstGenerationIsForeign() {
        Generations generations = new Generations(new SplittableRandom(1), 7);
        long first = generations.after(7);
        assertThat(generations.isForeign(7, 0)).isFalse();
        assertThat(generations.isForeign(8, 0)).isTrue();
        assertThat(generations.isForeign(first - 1, 0)).isTrue();
        assertThat(generations.isForeign(first, 0)).isFalse();
        assertThat(generations.isForeign(8, first)).as("nothing older is built upon").isFalse();
    }

    @Test
    void whoLearnsOfAnotherGenerationThanItsOwnStepsOverWhatItMayHaveSentItself() {
        Generations generations = new Generations(new SplittableRandom(3), 0);
        long own = generations.after(0);
        long told = generations.after(own + 40);
        assertThat(told).isGreaterThan(own + 41);
        assertThat(generations.after(told)).isEqualTo(told + 1);
    }
}

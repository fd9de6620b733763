package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.Position;
import org.junit.jupiter.api.Test;

final class BeginningsTest {
    private static final Position KNOWN = at(10);

    private final Beginnings beginnings = new Beginnings(KNOWN);

    private static Position at(long generation) {
        return new Position(generation, 1);
    }

    @Test
    void theNewestOneThatTheStreamHasComeToCounts() {
        beginnings.add(at(20));
        beginnings.add(at(30));
        assertThat(beginnings.newest()).isEqualTo(at(30));
        assertThat(beginnings.upTo(at(30))).isEqualTo(at(30));
        assertThat(beginnings.upTo(new Position(29, 99))).isEqualTo(at(20));
        assertThat(beginnings.upTo(new Position(19, 99))).isEqualTo(KNOWN);
    }

    @Test
    void whatWasGivenUpIsForgottenWhenAnotherOneComes() {
        beginnings.add(at(30));
        beginnings.add(at(20));
        assertThat(beginnings.upTo(at(40))).isEqualTo(at(20));
        beginnings.add(at(20));
        assertThat(beginnings.upTo(new Position(19, 1))).isEqualTo(KNOWN);
    }

    @Test
    void noneIsTakenToBeEarlierThanItWas() {
        assertThat(beginnings.upTo(at(1))).isEqualTo(KNOWN);
        for (long generation = 11; generation < 100; generation++) {
            beginnings.add(at(generation));
        }
        assertThat(beginnings.upTo(at(1))).isGreaterThan(KNOWN);
        assertThat(beginnings.upTo(at(99))).isEqualTo(at(99));
    }
}

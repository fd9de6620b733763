package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ExtentMapTest {
    private static final int SPACE = 400;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void theNewestExtentIsOnTopOfEveryByte(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int count = random.nextInt(60);
            long[] offsets = new long[count];
            int[] lengths = new int[count];
            int[] ordinals = new int[count];
            int[] top = new int[SPACE];
            Arrays.fill(top, -1);
            long far = random.nextBoolean() ? 0 : 1L << random.nextInt(12, 60);
            for (int i = 0; i < count; i++) {
                int start = random.nextInt(SPACE - 1);
                offsets[i] = far + start;
                lengths[i] = 1 + random.nextInt(Math.min(40, SPACE - start));
                ordinals[i] = 3 * i;
                Arrays.fill(top, start, start + lengths[i], 3 * i);
            }
            check(ExtentMap.newest(offsets, lengths, ordinals), top, far);
        }
    }

    private static void check(ExtentMap map, int[] top, long far) {
        int[] seen = new int[SPACE];
        Arrays.fill(seen, -1);
        long last = 0;
        for (int piece = 0; piece < map.count(); piece++) {
            assertThat(map.start(piece)).isGreaterThanOrEqualTo(last);
            assertThat(map.lengthBytes(piece)).isPositive();
            last = map.end(piece);
            Arrays.fill(seen, (int) (map.start(piece) - far), (int) (last - far), map.ordinal(piece));
        }
        assertThat(seen).isEqualTo(top);
        for (int at = 0; at < SPACE; at++) {
            int piece = map.firstEndingAfter(far + at);
            boolean covered = piece < map.count() && map.start(piece) <= far + at;
            assertThat(covered ? map.ordinal(piece) : -1).isEqualTo(top[at]);
        }
    }

    @Test
    void neighbouringPiecesOfOneExtentAreOne() {
        ExtentMap map = ExtentMap.newest(new long[]{10, 0}, new int[]{5, 100}, new int[]{0, 1});
        assertThat(map.count()).isEqualTo(1);
        assertThat(map.lengthBytes(0)).isEqualTo(100);
    }
}

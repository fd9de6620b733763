package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.log.CrashVolume;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.log.StoreException;
import io.backhaul.mastertarget.DamageFile.Known;
import java.io.IOException;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Where a journal is damaged is remembered, or is said to be forgotten. */
final class DamageFileTest {
    private static final UUID MACHINE = new UUID(0x0102030405060708L, 0x1112131415161718L);
    private static final List<Placement> PLACES = List.of(new Placement(3, 4096, 512),
            new Placement(9, 70_000, 90_000));
    private static final List<BaseStretch> STRETCHES = List.of(new BaseStretch(1, 1024, 2048));
    private static final Known ALL = new Known(PLACES, STRETCHES);

    private final CrashVolume volume = new CrashVolume("machine");

    private DamageFile file() {
        return new DamageFile(volume, MACHINE);
    }

    @Test
    void itsBytesAreThese() throws IOException {
        file().save(new Known(PLACES.subList(0, 1), STRETCHES));
        assertThat(HexFormat.of().formatHex(volume.bytes(DamageFile.NAME))).isEqualTo("424b444d0d0a1a0a" + "01000000"
                + "01000000" + "0807060504030201" + "1817161514131211" + "1135e2ec" + "0300000000000000" + "00100000"
                + "00020000" + "0004000000000000" + "0008000000000000" + "01000000");
    }

    @Test
    void whatWasSavedIsFoundAlsoAfterAPowerFailure() throws IOException {
        assertThat(file().load()).isEqualTo(Known.NOTHING);
        for (Known known : List.of(ALL, new Known(List.of(), STRETCHES), new Known(PLACES, List.of()))) {
            file().save(known);
            volume.crash(new Random(1));
            assertThat(file().load()).isEqualTo(known);
        }
        file().save(Known.NOTHING);
        volume.crash(new Random(2));
        assertThat(volume.exists(DamageFile.NAME)).isFalse();
    }

    @Test
    void anyFlippedBitIsFound() throws IOException {
        file().save(ALL);
        byte[] whole = volume.bytes(DamageFile.NAME);
        for (int bit = 0; bit < 8 * whole.length; bit++) {
            byte[] flipped = whole.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            volume.put(DamageFile.NAME, flipped);
            assertThatThrownBy(() -> file().load()).isInstanceOf(StoreException.class)
                    .hasMessageContaining("damaged");
        }
    }
}

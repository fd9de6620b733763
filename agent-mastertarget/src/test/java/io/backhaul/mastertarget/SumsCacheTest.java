package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** What is kept of checksums is what their file holds. */
final class SumsCacheTest {
    private static final int PAGE = SumsCache.PAGE_BYTES;

    private final SumsCache cache = new SumsCache();
    private final ByteBuffer file = ByteBuffer.allocate(4 * PAGE).order(ByteOrder.LITTLE_ENDIAN);
    private int reads;

    private ByteBuffer read(long page) {
        reads++;
        return ByteBuffer.allocate(PAGE).order(ByteOrder.LITTLE_ENDIAN).put(0, file, (int) page * PAGE, PAGE);
    }

    private void write(int place, int... values) {
        ByteBuffer written = ByteBuffer.allocate(values.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            written.putInt(value);
        }
        written.flip();
        cache.begin(place, written.remaining());
        file.put(place, written, 0, written.remaining());
        cache.end(place, written.remaining(), written);
    }

    private int value(int place) throws IOException {
        return cache.page(place / PAGE, this::read).getInt(place % PAGE);
    }

    @Test
    void whatIsKeptIsWrittenToo() throws IOException {
        assertThat(value(PAGE - 4)).isZero();
        assertThat(value(PAGE)).isZero();
        write(PAGE - 4, 1, 2);
        assertThat(value(PAGE - 4)).isEqualTo(1);
        assertThat(value(PAGE)).isEqualTo(2);
        assertThat(reads).isEqualTo(2);
    }

    @Test
    void whatIsWrittenWhileItIsReadIsNotKept() throws IOException {
        cache.page(0, page -> {
            ByteBuffer old = read(page);
            write(8, 7);
            return old;
        });
        assertThat(value(8)).isEqualTo(7);
        cache.begin(8, 4);
        cache.page(1, this::read);
        cache.page(0, this::read);
        file.putInt(8, 9);
        cache.end(8, 4, null);
        assertThat(value(8)).isEqualTo(9);
    }

    @Test
    void whatFailedToBeWrittenIsReadAnew() throws IOException {
        assertThat(value(0)).isZero();
        cache.begin(0, 4);
        file.putInt(0, 5);
        cache.end(0, 4, null);
        assertThat(value(0)).isEqualTo(5);
    }
}

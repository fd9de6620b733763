package io.backhaul.blockio.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The parts of the server whose limits no client can see. */
class ServerPartsTest {
    @ParameterizedTest
    @CsvSource({"0, 4096", "1, 4096", "4096, 4096", "4097, 8192", "65536, 65536", "33554432, 33554432"})
    void aBufferHasRoomForThePayloadAndAHeader(int payload, int footprint) {
        BufferPool pool = new BufferPool(1 << 20);
        assertThat(BufferPool.footprintBytes(payload)).isEqualTo(footprint);
        assertThat(pool.borrow(payload).remaining()).isEqualTo(footprint + BufferPool.HEADER_ROOM_BYTES);
    }

    @Test
    void aPoolLendsWhatWasGivenBackAndKeepsNoMoreThanItsLimit() {
        BufferPool pool = new BufferPool(10_000);
        ByteBuffer first = pool.borrow(4096);
        ByteBuffer second = pool.borrow(4096);
        ByteBuffer third = pool.borrow(4096);
        first.position(17);
        pool.giveBack(first);
        pool.giveBack(second);
        pool.giveBack(third);
        ByteBuffer again = pool.borrow(4096);
        assertThat(again).isSameAs(second);
        assertThat(again.position()).isZero();
        assertThat(pool.borrow(4096)).isSameAs(first);
        assertThat(pool.borrow(4096)).isNotSameAs(third);
        assertThatThrownBy(() -> pool.borrow(NbdNumbers.PAYLOAD_LIMIT_BYTES + 1))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whoDoesNotFitWaitsUntilThereIsRoomAndTheLargestGoesAlone() {
        InFlight inFlight = new InFlight(100, 3);
        assertThat(inFlight.tryEnter(1000)).as("larger than the limit, but alone").isTrue();
        assertThat(inFlight.tryEnter(0)).isFalse();
        inFlight.leave(1000);
        assertThat(inFlight.tryEnter(60)).isTrue();
        assertThat(inFlight.tryEnter(41)).isFalse();
        CompletableFuture<Void> waiting = CompletableFuture.runAsync(() -> inFlight.enter(41));
        Awaitility.await().during(Duration.ofMillis(50)).until(() -> !waiting.isDone());
        inFlight.leave(60);
        Awaitility.await().until(waiting::isDone);
        assertThat(inFlight.tryEnter(1)).isTrue();
        assertThat(inFlight.tryEnter(1)).isTrue();
        assertThat(inFlight.tryEnter(1)).as("more requests than the limit").isFalse();
    }

    @Test
    void theReaderCarriesRequestsOutWhileTheDeviceIsFastAndComesBackToItAfterASlowSpell() {
        Placement placement = new Placement();
        assertThat(placement.inline(NbdNumbers.CMD_WRITE, 0, 4096)).isTrue();
        assertThat(placement.inline(NbdNumbers.CMD_WRITE, NbdNumbers.CMD_FLAG_FUA, 4096)).isFalse();
        assertThat(placement.inline(NbdNumbers.CMD_FLUSH, 0, 0)).isFalse();
        assertThat(placement.inline(NbdNumbers.CMD_WRITE, 0, 1 << 20)).isFalse();
        for (int count = 0; count < 10; count++) {
            placement.took(5_000_000, 4096);
        }
        assertThat(placement.inline(NbdNumbers.CMD_WRITE, 0, 4096)).isFalse();
        for (int count = 0; count < 20; count++) {
            placement.took(5_000, 4096);
        }
        assertThat(placement.inline(NbdNumbers.CMD_WRITE, 0, 4096)).isTrue();
    }
}

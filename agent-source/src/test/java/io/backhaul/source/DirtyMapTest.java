package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.DiskInfo;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a comparison takes off the dirty map, and when a record's blocks are marked no more. */
class DirtyMapTest {
    private static final int BLOCK_BYTES = 64 << 10;
    private static final DiskInfo DISK = new DiskInfo(0, "disk", 100L * BLOCK_BYTES, 512);

    private DirtyMap map;

    @BeforeEach
    void create() throws IOException {
        map = DirtyMap.create(new MemoryVolume(), new UUID(1, 2), List.of(DISK), BLOCK_BYTES);
    }

    private static long bytes(int blocks) {
        return (long) blocks * BLOCK_BYTES;
    }

    @Test
    void whatWillBeComparedIsPendingNoMore() {
        map.markPending(0, bytes(10), bytes(4));
        map.mark(0, bytes(50), 512);
        map.foldIntoPending();
        map.leaveToComparison(new long[]{bytes(11) + 1});
        assertThat(map.pendingBytes(0)).as("the block that the comparison begins in stays pending")
                .isEqualTo(bytes(2));
        assertThat(map.nextPending(0, 0, 1 << 30)).isEqualTo(new DirtyMap.Stretch(bytes(10), bytes(2)));
        assertThat(map.nextPending(0, bytes(12), 1 << 30)).isNull();
    }

    @Test
    void whatHasBeenComparedStaysPending() {
        map.mark(0, bytes(50), 512);
        map.foldIntoPending();
        map.leaveToComparison(new long[]{DISK.sizeBytes()});
        assertThat(map.pendingBytes(0)).isEqualTo(bytes(1));
    }

    @Test
    void aChangeThatMayYetComeKeepsItsMark() {
        int ticket = map.announce(0, bytes(50), 512);
        map.foldIntoPending();
        map.leaveToComparison(new long[]{0});
        assertThat(map.pendingBytes(0)).isEqualTo(bytes(1));
        map.settled(ticket);
        map.leaveToComparison(new long[]{0});
        assertThat(map.isAnyPending()).isFalse();
    }

    @Test
    void aRecordsBlocksAreMarkedUntilItsEpochIsCleared() {
        assertThat(map.unmarkedBefore()).as("nothing is marked").isEqualTo(Long.MAX_VALUE);
        map.mark(0, 0, 512);
        map.rotate(7);
        map.mark(0, bytes(1), 512);
        assertThat(map.unmarkedBefore()).isZero();
        for (int epoch : map.takeJournaled(7)) {
            map.clear(epoch);
            assertThat(map.unmarkedBefore()).as("while it is being cleared").isZero();
            map.freed(epoch);
        }
        assertThat(map.unmarkedBefore()).as("where the open epoch begins").isEqualTo(8);
    }
}

package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.DiskInfo;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChunkWatchTest {
    private static final long CHUNK = SliceReader.CHUNK_BYTES;
    private static final long ODD = CHUNK + 4096;

    private final ChunkWatch watch = new ChunkWatch(List.of(new SourceDisk(new DiskInfo(0, "odd", ODD, 512), "odd",
            new TroubledDevice((int) ODD), () -> "")));

    @Test
    void behindTheEndOfADiskThatEndsAmidAChunkThereIsNone() {
        assertThat(watch.nextUnread(0, 0)).isEqualTo(new DirtyMap.Stretch(0, ODD));
        assertThat(watch.nextUnread(0, ODD)).isNull();
        assertThat(watch.next(0, CHUNK, 4 * CHUNK)).isEqualTo(new DirtyMap.Stretch(CHUNK, 4096));
        assertThat(watch.next(0, ODD, 4 * CHUNK)).isNull();
    }

    @Test
    void whatIsOvertakenIsLeftUnreadAndNotGivenOut() {
        watch.reading(0, new DirtyMap.Stretch(0, CHUNK));
        watch.freeze();
        watch.touch(0, CHUNK + 512, 512);
        assertThat(watch.next(0, 0, 4 * CHUNK)).isNull();
        assertThat(watch.nextUnread(0, 0)).isEqualTo(new DirtyMap.Stretch(CHUNK, 4096));
        assertThat(watch.nextUnread(0, ODD)).isNull();
    }
}

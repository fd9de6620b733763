package io.backhaul.engine.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** A sync fails, the process ends, and the next one finds in memory what is on no disk. */
class FailedSyncTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private static final int SEEDS = 20;

    private static SegmentLog open(CrashVolume volume) throws IOException {
        return SegmentLog.open(volume, LogKind.JOURNAL, MACHINE, SegmentLimits.ofSegments(1 << 20),
                ByteBufAllocator.DEFAULT);
    }

    private static void append(SegmentLog log, Frame frame) throws IOException {
        try {
            log.append(frame);
        } finally {
            frame.release();
        }
    }

    @Test
    void whatAnOpeningAcceptsIsDurable() throws IOException {
        for (int seed = 0; seed < SEEDS; seed++) {
            CrashVolume volume = new CrashVolume("journal");
            volume.failedSyncsLeavePagesClean();
            StreamFixture stream = new StreamFixture(MACHINE, new Random(seed));
            SegmentLog log = open(volume);
            append(log, stream.generation(Position.NONE));
            log.sync();
            append(log, stream.writes(3, 9000));
            volume.failIn(0, new IOException("Input/output error"));
            assertThatThrownBy(log::sync).isInstanceOf(StoreException.class);
            volume.kill();
            Position accepted = open(volume).last();
            volume.crash(new Random(seed));
            try (SegmentLog again = open(volume)) {
                assertThat(again.last().isAtLeast(accepted)).as("seed %s: %s", seed, accepted).isTrue();
            }
        }
    }
}

package io.backhaul.engine.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The next segment is being made, and that fails at one of its steps. */
class SegmentRollTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private static final int SEEDS = 12;

    private CrashVolume volume = new CrashVolume("journal");
    private StreamFixture stream = new StreamFixture(MACHINE, new Random(1));

    /** A log of one segment, more than half full, all of it synced. */
    private SegmentLog begin() throws IOException {
        volume = new CrashVolume("journal");
        stream = new StreamFixture(MACHINE, new Random(1));
        SegmentLog log = open();
        append(log, stream.generation(Position.NONE));
        append(log, stream.writes(3, 9000));
        return log;
    }

    private SegmentLog open() throws IOException {
        return SegmentLog.open(volume, LogKind.JOURNAL, MACHINE, SegmentLimits.ofSegments(16_384),
                ByteBufAllocator.DEFAULT);
    }

    private static void append(SegmentLog log, Frame frame) throws IOException {
        try {
            log.append(frame);
            log.sync();
        } finally {
            frame.release();
        }
    }

    /** Whether what the trim began has failed. */
    private boolean trimFails(SegmentLog log, int changes) {
        volume.failIn(changes, new IOException("Input/output error"));
        try {
            log.trimTo(log.last());
            return false;
        } catch (IOException expected) {
            return true;
        } finally {
            volume.mend();
        }
    }

    private void appendFails(SegmentLog log, int changes) {
        volume.failIn(changes, new IOException("Input/output error"));
        try {
            append(log, stream.writes(2, 2000));
        } catch (IOException expected) {
            stream.rewind(log.last());
        } finally {
            volume.mend();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsAppendedAfterwardsIsKeptWhereTheMachineDies(boolean power) throws IOException {
        boolean failed = true;
        for (int changes = 0; failed; changes++) {
            for (int seed = 0; seed < SEEDS; seed++) {
                SegmentLog log = begin();
                failed = trimFails(log, changes);
                append(log, stream.writes(2, 2000));
                Position acknowledged = log.last();
                die(power, seed);
                try (SegmentLog again = open()) {
                    assertThat(again.last()).as("changes %s, seed %s", changes, seed).isEqualTo(acknowledged);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatFailsAfterwardsDoesNotPassForSealed(boolean power) throws IOException {
        boolean failed = true;
        for (int changes = 0; failed; changes++) {
            for (int seed = 0; seed < SEEDS; seed++) {
                SegmentLog log = begin();
                failed = trimFails(log, changes);
                appendFails(log, seed);
                Position acknowledged = log.last();
                die(power, seed);
                try (SegmentLog again = open()) {
                    assertThat(again.last().isAtLeast(acknowledged)).as("changes %s, seed %s", changes, seed).isTrue();
                }
            }
        }
    }

    private void die(boolean power, int seed) {
        if (power) {
            volume.crash(new Random(seed));
        } else {
            volume.kill();
        }
    }
}

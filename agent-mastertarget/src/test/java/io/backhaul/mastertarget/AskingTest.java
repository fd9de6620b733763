package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;

/** What one RESEND asks for, and how it is known what damaged records wrote. */
final class AskingTest {
    private static final int MIB = Limits.MAX_DATA_EXTENT_BYTES;

    @Test
    void neighboursAreOneExtentAndLongOnesAreSeveral() {
        Asking.Extents extents = new Asking.Extents();
        assertThat(extents.needs(0, 4096, 8192)).isTrue();
        assertThat(extents.needs(0, 8192, 8704)).isTrue();
        assertThat(extents.needs(1, 8704, 9216)).isTrue();
        assertThat(extents.needs(1, 0, 2L * MIB + 512)).isTrue();
        assertThat(extents.needs(1, 2L * MIB + 512, 3L * MIB + 512)).isTrue();
        assertThat(extents.all).containsExactly(new Resend.Extent(0, 4096, 4608), new Resend.Extent(1, 8704, 512),
                new Resend.Extent(1, 0, MIB), new Resend.Extent(1, MIB, MIB), new Resend.Extent(1, 2L * MIB, MIB),
                new Resend.Extent(1, 3L * MIB, 512));
    }

    @Test
    void whatDoesNotGoIntoOneIsLeftForTheNext() {
        Asking.Extents extents = new Asking.Extents();
        for (int i = 0; i < Limits.MAX_RESEND_EXTENTS; i++) {
            assertThat(extents.needs(0, 8192L * i, 8192L * i + 512)).isTrue();
        }
        long next = 8192L * (Limits.MAX_RESEND_EXTENTS - 1) + 512;
        assertThat(extents.needs(0, next, next + 512)).as("it is the last one's neighbour").isTrue();
        assertThat(extents.needs(1, 0, 512)).isFalse();
        assertThat(extents.all).hasSize(Limits.MAX_RESEND_EXTENTS);
    }

    @Test
    void whatTheRecordsWroteIsReadAnewWhereReadingWasCutOff() throws IOException {
        Placement damaged = new Placement(3, 4096, 1000);
        Piece first = new Piece(0, 0, 512, false, damaged, 0);
        Piece second = new Piece(0, 4096, 512, false, damaged, 512);
        boolean[] fails = {true};
        var contents = new DamagedRecords.Contents(
                new SegmentDamage(3, 4096, 1000, new Position(1, 1), new Position(1, 3), FrameType.WRITES,
                        "a bit has flipped"),
                List.of(() -> {
                    Queue<Piece> pieces = new ArrayDeque<>(List.of(first, second));
                    return () -> {
                        if (pieces.size() == 1 && fails[0]) {
                            throw new IOException("EIO");
                        }
                        return pieces.poll();
                    };
                }), new Position(1, 3));
        assertThatExceptionOfType(IOException.class).isThrownBy(contents::pieces);
        fails[0] = false;
        assertThat(contents.pieces()).containsExactly(first, second);
    }
}

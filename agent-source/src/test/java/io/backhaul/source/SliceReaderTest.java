package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.MemoryDevice;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SliceReaderTest {
    private static final int CHUNK = SliceReader.CHUNK_BYTES;

    @Test
    void zeroStretchesBecomeZeroPiecesAndNeighboursAreMerged() throws IOException {
        MemoryDevice device = new MemoryDevice(10L * CHUNK);
        device.write(2L * CHUNK + 100, ByteBuffer.wrap(new byte[]{1}));
        device.write(3L * CHUNK, ByteBuffer.wrap(new byte[]{2}));
        device.write(5L * CHUNK, ByteBuffer.allocate(CHUNK));
        List<Piece> pieces = new SliceReader().all(device, new DirtyMap.Stretch(CHUNK, 6L * CHUNK));
        assertThat(pieces).extracting(Piece::offset).containsExactly(1L * CHUNK, 2L * CHUNK, 4L * CHUNK);
        assertThat(pieces).extracting(piece -> piece.data() == null).containsExactly(true, false, true);
        ByteBuffer data = pieces.get(1).data();
        assertThat(data).isNotNull();
        assertThat(data.get(100)).isEqualTo((byte) 1);
        assertThat(data.get(CHUNK)).isEqualTo((byte) 2);
    }

    @Test
    void theBufferNeverShowsAnEarlierSliceThroughAHole() throws IOException {
        MemoryDevice device = new MemoryDevice(40L * CHUNK);
        byte[] noise = new byte[16 * CHUNK];
        new SplittableRandom(1).nextBytes(noise);
        device.write(0, ByteBuffer.wrap(noise));
        SliceReader reader = new SliceReader();
        assertThat(reader.all(device, new DirtyMap.Stretch(0, 16L * CHUNK))).hasSize(1);
        assertThat(reader.all(device, new DirtyMap.Stretch(16L * CHUNK, 16L * CHUNK))).singleElement()
                .satisfies(piece -> assertThat(piece.data()).isNull());
    }

    @Test
    void ofAChunkThatTheOtherSideHasNothingOfOnlyTheBlocksThatHoldSomethingAreSent() throws IOException {
        MemoryDevice device = new MemoryDevice(4L * CHUNK);
        device.write(CHUNK + 5L * SliceReader.BLOCK_BYTES + 7, ByteBuffer.wrap(new byte[]{1}));
        device.write(2L * CHUNK - 1, ByteBuffer.wrap(new byte[]{2, 3}));
        UUID machine = new UUID(1, 2);
        var request = new DigestRequest(machine, Position.NONE, 1, 0, CHUNK, List.of(new DigestRequest.Run(0, 4)));
        SliceReader.Comparison found = new SliceReader().compare(device, new DirtyMap.Stretch(0, 4L * CHUNK),
                Digests.allZero(request, new UUID(1, 1)), 0);
        assertThat(found.suspects()).isEmpty();
        assertThat(found.pieces()).extracting(Piece::offset).containsExactly(CHUNK + 5L * SliceReader.BLOCK_BYTES,
                2L * CHUNK - SliceReader.BLOCK_BYTES);
        assertThat(found.pieces()).extracting(Piece::lengthBytes).containsExactly((long) SliceReader.BLOCK_BYTES,
                2L * SliceReader.BLOCK_BYTES);
    }

    @Test
    void whatWasTouchedIsLeftOut() {
        ByteBuffer data = ByteBuffer.allocate(100);
        for (int i = 0; i < 100; i++) {
            data.put((byte) i);
        }
        Registration registration = new Registration(1, new DirtyMap.Stretch(1000, 300), 0, 0);
        registration.touch(1, 900, 110, 1);
        registration.touch(1, 1050, 10, 1);
        registration.touch(1, 1150, 500, 1);
        registration.touch(0, 1020, 10, 1);
        List<Piece> left = registration
                .untouched(List.of(new Piece(1000, 100, data.flip()), new Piece(1100, 200, null)));
        assertThat(left).extracting(Piece::offset).containsExactly(1010L, 1060L, 1100L);
        assertThat(left).extracting(Piece::lengthBytes).containsExactly(40L, 40L, 50L);
        ByteBuffer second = left.get(1).data();
        assertThat(second).isNotNull();
        assertThat(second.get(0)).isEqualTo((byte) 60);
    }
}

package io.backhaul.blockio.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.MemoryDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AlignedEdgesTest {
    private static final int BLOCK_BYTES = 4096;
    private static final int SIZE_BYTES = 16 * BLOCK_BYTES;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void anyBytesCanBeReadAndWrittenThoughTheServerTakesWholeBlocks(long seed) throws Exception {
        System.out.println("seed " + seed);
        MemoryDevice device = new MemoryDevice(SIZE_BYTES);
        AlignedEdges edges = new AlignedEdges(BLOCK_BYTES, (offset, target) -> {
            checkWhole(offset, target);
            device.read(offset, target);
        }, (offset, source) -> {
            checkWhole(offset, source);
            device.write(offset, source);
        });
        byte[] oracle = new byte[SIZE_BYTES];
        Random random = new Random(seed);
        for (int step = 0; step < 1_000; step++) {
            int offset = random.nextInt(SIZE_BYTES);
            byte[] bytes = new byte[random.nextInt(Math.min(3 * BLOCK_BYTES, SIZE_BYTES - offset) + 1)];
            if (random.nextBoolean()) {
                random.nextBytes(bytes);
                edges.write(offset, ByteBuffer.wrap(bytes));
                System.arraycopy(bytes, 0, oracle, offset, bytes.length);
            } else {
                edges.read(offset, ByteBuffer.wrap(bytes));
                assertThat(bytes).isEqualTo(Arrays.copyOfRange(oracle, offset, offset + bytes.length));
            }
        }
    }

    private static void checkWhole(long offset, ByteBuffer buffer) throws IOException {
        if (offset % BLOCK_BYTES != 0 || buffer.remaining() % BLOCK_BYTES != 0) {
            throw new IOException(offset + "+" + buffer.remaining() + " is not whole blocks");
        }
    }
}

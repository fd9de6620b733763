package io.backhaul.blockio.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.DeviceExercise;
import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.MemoryDevice;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OverlayDeviceTest {
    private static final int SIZE_BYTES = 2_500_000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void behavesAsAnArrayOfBytesAndNeverWritesTheBase(long seed) throws Exception {
        byte[] original = new byte[SIZE_BYTES];
        new Random(seed).nextBytes(original);
        Arrays.fill(original, 500_000, 1_000_000, (byte) 0);
        MemoryDevice base = new MemoryDevice(SIZE_BYTES);
        base.write(0, ByteBuffer.wrap(original, 0, 500_000));
        base.write(1_000_000, ByteBuffer.wrap(original, 1_000_000, SIZE_BYTES - 1_000_000));
        try (OverlayDevice overlay = new OverlayDevice(base, new MemoryDevice(4 << 20))) {
            DeviceExercise.run(overlay, original.clone(), seed, 2_000);
        }
        byte[] after = new byte[SIZE_BYTES];
        base.read(0, ByteBuffer.wrap(after));
        assertThat(after).isEqualTo(original);
    }

    @Test
    void servesSeveralThreadsAtOnceWithinOneBlock() throws Exception {
        try (OverlayDevice overlay = new OverlayDevice(new MemoryDevice(100_000), new MemoryDevice(1 << 20))) {
            DeviceExercise.runConcurrently(overlay, 5, 4, 2_000);
        }
    }

    @Test
    void isFullWhenTheScratchIsAndGoesOnWithWhatLiesThere() throws Exception {
        MemoryDevice scratch = new MemoryDevice(2L * OverlayDevice.BLOCK_BYTES);
        try (OverlayDevice overlay = new OverlayDevice(new MemoryDevice(1 << 20), scratch)) {
            overlay.write(0, ByteBuffer.wrap(new byte[]{1}));
            overlay.write(100_000, ByteBuffer.wrap(new byte[]{2}));
            assertThat(overlay.scratchUsedBytes()).isEqualTo(scratch.sizeBytes());
            assertThatThrownBy(() -> overlay.write(900_000, ByteBuffer.wrap(new byte[]{3})))
                    .isInstanceOf(DeviceFullException.class)
                    .hasMessageContaining("scratch of 131072 bytes is full");
            overlay.write(1, ByteBuffer.wrap(new byte[]{4}));
            overlay.zero(0, OverlayDevice.BLOCK_BYTES);
            assertThat(overlay.scratchUsedBytes()).isEqualTo(OverlayDevice.BLOCK_BYTES);
            overlay.write(900_000, ByteBuffer.wrap(new byte[]{5}));
            byte[] bytes = new byte[3];
            overlay.read(0, ByteBuffer.wrap(bytes));
            assertThat(bytes).containsOnly(0);
            overlay.read(900_000, ByteBuffer.wrap(bytes));
            assertThat(bytes).containsExactly(5, 0, 0);
        }
    }
}

package io.backhaul.blockio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.EOFException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryDeviceTest {
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void behavesAsAnArrayOfBytes(long seed) throws Exception {
        DeviceExercise.run(new MemoryDevice(2_000_001), seed, 2_000);
    }

    @Test
    void servesSeveralThreadsAtOnce() throws Exception {
        DeviceExercise.runConcurrently(new MemoryDevice(4 << 20), 7, 4, 1_000);
    }

    @Test
    void refusesRangesThatAreNotInside() {
        MemoryDevice device = new MemoryDevice(1000);
        ByteBuffer buffer = ByteBuffer.allocate(10);
        assertThatThrownBy(() -> device.read(991, buffer)).isInstanceOf(EOFException.class)
                .hasMessageContaining("1000 bytes");
        assertThatThrownBy(() -> device.write(-1, buffer)).isInstanceOf(EOFException.class);
        assertThatThrownBy(() -> device.zero(1000, 1)).isInstanceOf(EOFException.class);
        assertThatThrownBy(() -> device.extents(Long.MAX_VALUE, Long.MAX_VALUE, (at, length, zero) -> {}))
                .isInstanceOf(EOFException.class);
        assertThat(buffer.remaining()).isEqualTo(10);
    }

    @Test
    void refusesWritesWhenReadOnly() {
        MemoryDevice device = new MemoryDevice(1000, 512, true);
        assertThatThrownBy(() -> device.write(0, ByteBuffer.allocate(1))).isInstanceOf(ReadOnlyDeviceException.class);
        assertThatThrownBy(() -> device.zero(0, 1)).isInstanceOf(ReadOnlyDeviceException.class);
    }
}

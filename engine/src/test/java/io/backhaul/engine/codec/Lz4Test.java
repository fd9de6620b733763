package io.backhaul.engine.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatch;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class Lz4Test {
    private static final long SEED = Long.getLong("seed", 41);
    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true, true);
    private final Random random = new Random(SEED);

    Lz4Test() {
        System.out.println("seed " + SEED);
    }

    @Test
    void the_native_library_does_the_work() {
        assertThat(Lz4.isNative()).isTrue();
    }

    @Test
    void batches_are_expanded_to_what_they_were_made_from() throws Exception {
        int compressed = 0;
        for (int i = 0; i < 300; i++) {
            byte[] plain = data(1 + random.nextInt(60_000));
            Frame frame = frame(plain);
            WriteBatch batch = WriteBatch.open(frame);
            ByteBuffer expanded = random.nextBoolean() ? ByteBuffer.allocate(plain.length)
                    : ByteBuffer.allocateDirect(plain.length);
            if (frame.isCompressed()) {
                compressed++;
                ByteBuffer stored = batch.storedPayload().nioBuffer();
                Lz4.expand(stored, expanded);
                assertThat(stored.hasRemaining()).isFalse();
                assertThat(expanded.hasRemaining()).isFalse();
            } else {
                expanded.put(batch.storedPayload().nioBuffer());
            }
            assertThat(expanded.flip()).isEqualTo(ByteBuffer.wrap(plain));
            frame.release();
        }
        assertThat(compressed).isBetween(50, 250);
        assertThat(allocator.metric().usedDirectMemory() + allocator.metric().usedHeapMemory()).isZero();
    }

    private Frame frame(byte[] plain) {
        WriteBatchBuilder batch = new WriteBatchBuilder(allocator, plain.length);
        batch.data(0, 0, ByteBuffer.wrap(plain));
        return batch.close(new WriteBatchBuilder.Heading(new UUID(1, 2), new Position(1, 1), 0, false),
                Lz4.compressor());
    }

    private byte[] data(int length) {
        byte[] data = new byte[length];
        if (random.nextBoolean()) {
            random.nextBytes(data);
        } else {
            for (int i = 0; i < length; i++) {
                data[i] = (byte) (random.nextInt(4) == 0 ? random.nextInt() : 'x');
            }
        }
        return data;
    }

    @Test
    void the_block_of_the_specification_is_expanded() throws IOException {
        ByteBuffer plain = ByteBuffer.allocate(64);
        Lz4.expand(ByteBuffer.wrap(HexFormat.of().parseHex("1f41010027504141414141")), plain);
        assertThat(new String(plain.array(), StandardCharsets.US_ASCII)).isEqualTo("A".repeat(64));
    }

    @Test
    void a_block_of_another_length_is_refused() {
        ByteBuffer block = ByteBuffer.wrap(HexFormat.of().parseHex("1f41010027504141414141"));
        assertThatExceptionOfType(IOException.class).isThrownBy(() -> Lz4.expand(block, ByteBuffer.allocate(63)));
        assertThatExceptionOfType(IOException.class).isThrownBy(() -> Lz4.expand(block, ByteBuffer.allocate(65)))
                .withMessageContaining("64 bytes where 65");
    }

    @Test
    void hostile_blocks_are_refused_or_expanded_and_write_nowhere_else() {
        int refused = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] block = new byte[1 + random.nextInt(100)];
            random.nextBytes(block);
            ByteBuffer room = ByteBuffer.allocateDirect(1024);
            for (int at = 0; at < 1024; at++) {
                room.put(at, (byte) 0x5a);
            }
            try {
                Lz4.expand(ByteBuffer.wrap(block), room.slice(256, 512));
            } catch (IOException malformed) {
                refused++;
            }
            for (int at = 0; at < 256; at++) {
                assertThat(room.get(at) == 0x5a && room.get(768 + at) == 0x5a).isTrue();
            }
        }
        assertThat(refused).isGreaterThan(10_000);
    }
}

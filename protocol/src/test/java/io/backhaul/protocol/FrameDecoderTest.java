package io.backhaul.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FrameDecoderTest {
    private static final long SEED = Long.getLong("seed", 7_771);
    private final CountingAllocator allocator = new CountingAllocator();
    private final Random random = new Random(SEED);
    private final SampleFrames samples = new SampleFrames(random,
            new UnpooledByteBufAllocator(false, true));

    FrameDecoderTest() {
        System.out.println("seed " + SEED);
    }

    /** Remembers the largest buffer that was asked for, and what has not been released. */
    private static final class CountingAllocator extends AbstractByteBufAllocator {
        private final UnpooledByteBufAllocator memory = new UnpooledByteBufAllocator(false, true);
        private int largest;

        @Override
        protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
            return newHeapBuffer(initialCapacity, maxCapacity);
        }

        @Override
        protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
            largest = Math.max(largest, initialCapacity);
            return memory.heapBuffer(initialCapacity, maxCapacity);
        }

        @Override
        public boolean isDirectBufferPooled() {
            return false;
        }

        long used() {
            return memory.metric().usedHeapMemory();
        }
    }

    /** Everything that a decoder finds, in words; frames are read, too, and released. */
    private List<String> verdicts(List<ByteBuf> chunks) {
        List<String> verdicts = new ArrayList<>();
        try (FrameDecoder decoder = new FrameDecoder(allocator)) {
            for (ByteBuf chunk : chunks) {
                while (chunk.isReadable()) {
                    Decoded decoded = decoder.next(chunk);
                    if (decoded == null) {
                        break;
                    }
                    verdicts.add(verdict(decoded));
                    if (decoded instanceof Decoded.Lost) {
                        return verdicts;
                    }
                }
            }
        }
        assertThat(allocator.used()).as("leaked").isZero();
        assertThat(allocator.largest).isLessThanOrEqualTo(Limits.MAX_FRAME_BYTES);
        return verdicts;
    }

    private static String verdict(Decoded decoded) {
        return switch (decoded) {
            case Decoded.Intact(Frame frame) -> {
                String words = frame + " " + frame.last() + " " + read(frame);
                frame.release();
                yield words;
            }
            case Decoded.Damaged damaged -> damaged.toString();
            case Decoded.Lost lost -> lost.toString();
        };
    }

    private static String read(Frame frame) {
        try {
            return SampleFrames.read(frame).toString();
        } catch (MalformedBodyException malformed) {
            return String.valueOf(malformed.getMessage());
        }
    }

    private String verdict(byte[] bytes) {
        List<String> verdicts = verdicts(List.of(Unpooled.wrappedBuffer(bytes)));
        return verdicts.isEmpty() ? "nothing yet" : verdicts.getFirst();
    }

    @ParameterizedTest
    @EnumSource(FrameType.class)
    void random_frames_are_read_as_they_were_written(FrameType type) throws Exception {
        for (int i = 0; i < 300; i++) {
            Object body = samples.body(type);
            byte[] bytes = Bytes.of(samples.frame(body));
            Decoded decoded = FrameDecoder.whole(stored(bytes));
            assertThat(decoded).isInstanceOf(Decoded.Intact.class);
            if (decoded instanceof Decoded.Intact(Frame frame)) {
                assertThat(SampleFrames.read(frame)).isEqualTo(body);
                assertThat(Bytes.of(frame)).isEqualTo(bytes);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(FrameType.class)
    void every_flipped_bit_is_found(FrameType type) {
        byte[] bytes = Bytes.of(samples.frame(type));
        byte[] bounded = bytes.length <= 4096 ? bytes : Bytes.of(samples.frame(new Credit(new UUID(1, 2), 3)));
        for (int bit = 0; bit < bounded.length * 8; bit++) {
            bounded[bit / 8] ^= (byte) (1 << bit % 8);
            assertThat(verdict(bounded)).as("bit %d", bit)
                    .startsWith(bit / 8 < FrameHeader.LENGTH_BYTES ? "Lost" : "Damaged");
            assertThat(FrameDecoder.whole(stored(bounded))).as("bit %d", bit)
                    .isNotInstanceOf(Decoded.Intact.class);
            bounded[bit / 8] ^= (byte) (1 << bit % 8);
        }
        assertThat(verdict(bounded)).doesNotStartWith("Lost").doesNotStartWith("Damaged");
    }

    @Test
    void a_damaged_body_does_not_hide_the_frames_behind_it() {
        byte[] first = Bytes.of(samples.frame(FrameType.MARK));
        byte[] second = Bytes.of(samples.frame(FrameType.PING));
        first[FrameHeader.LENGTH_BYTES] ^= 1;
        List<String> verdicts = verdicts(List.of(Unpooled.wrappedBuffer(first, second)));
        assertThat(verdicts).hasSize(2);
        assertThat(verdicts.getFirst()).startsWith("Damaged[type=MARK");
        assertThat(verdicts.getLast()).startsWith("PING");
    }

    @Test
    void wherever_the_bytes_are_cut_the_frames_are_the_same() {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (int i = 0; i < 100; i++) {
            byte[] frame = Bytes.of(samples.frame(anyType()));
            if (random.nextInt(10) == 0 && frame.length > FrameHeader.LENGTH_BYTES) {
                frame[FrameHeader.LENGTH_BYTES + random.nextInt(frame.length - FrameHeader.LENGTH_BYTES)] ^= 4;
            }
            joined.writeBytes(frame);
        }
        byte[] bytes = joined.toByteArray();
        List<String> whole = verdicts(List.of(Unpooled.wrappedBuffer(bytes)));
        assertThat(whole).hasSize(100);
        for (int round = 0; round < 60; round++) {
            List<ByteBuf> chunks = new ArrayList<>();
            int longest = 1 + random.nextInt(round < 5 ? 3 : 5000);
            for (int at = 0; at < bytes.length;) {
                int length = Math.min(1 + random.nextInt(longest), bytes.length - at);
                chunks.add(Unpooled.wrappedBuffer(bytes, at, length));
                at += length;
            }
            assertThat(verdicts(chunks)).isEqualTo(whole);
        }
    }

    @Test
    void random_bytes_are_lost_and_cost_no_memory() {
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[FrameHeader.LENGTH_BYTES + random.nextInt(200)];
            random.nextBytes(bytes);
            if (random.nextBoolean()) {
                Unpooled.wrappedBuffer(bytes).setIntLE(0, FrameHeader.MAGIC);
            }
            assertThat(verdict(bytes)).startsWith("Lost");
        }
        assertThat(allocator.largest).isEqualTo(FrameHeader.LENGTH_BYTES);
    }

    @Test
    void headers_with_hostile_fields_and_right_checksums_never_throw_and_never_cost_more_than_a_frame() {
        int accepted = 0;
        for (int i = 0; i < 100_000; i++) {
            byte[] bytes = Arrays.copyOf(Bytes.of(samples.frame(FrameType.CREDIT)), FrameHeader.LENGTH_BYTES + 64);
            ByteBuf header = Unpooled.wrappedBuffer(bytes);
            header.setByte(FrameHeader.TYPE_OFFSET,
                    anyType().code());
            header.setShortLE(FrameHeader.FLAGS_OFFSET, random.nextInt(4) == 0 ? random.nextInt() : 0);
            header.setIntLE(FrameHeader.BODY_LENGTH_OFFSET, hostile());
            header.setIntLE(FrameHeader.RECORDS_OFFSET, hostile());
            header.setLongLE(FrameHeader.GENERATION_OFFSET, hostile());
            header.setLongLE(FrameHeader.SEQUENCE_OFFSET,
                    random.nextInt(3) == 0 ? Long.MAX_VALUE - random.nextInt(20_000) : hostile());
            header.setIntLE(FrameHeader.PLAIN_LENGTH_OFFSET, random.nextBoolean() ? 0 : hostile());
            accepted += verdict(Bytes.sealHeader(bytes)).startsWith("Lost") ? 0 : 1;
        }
        assertThat(accepted).isPositive();
    }

    private ByteBuf stored(byte[] bytes) {
        return allocator.heapBuffer(bytes.length).writeBytes(bytes);
    }

    private FrameType anyType() {
        List<FrameType> all = List.of(FrameType.values());
        return all.get(random.nextInt(all.size()));
    }

    private int hostile() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextInt();
            case 1 -> random.nextInt(100);
            case 2 -> Integer.MAX_VALUE - random.nextInt(100);
            case 3 -> -random.nextInt(100);
            case 4 -> (4 << 20) + random.nextInt(3) - 1;
            default -> 1;
        };
    }

    @ParameterizedTest
    @EnumSource(FrameType.class)
    void malformed_bodies_with_right_checksums_are_malformed_and_nothing_else(FrameType type) {
        int malformed = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = tampered(Bytes.of(samples.frame(type)));
            String verdict = verdict(Bytes.seal(bytes));
            malformed += verdict.contains("malformed body") ? 1 : 0;
        }
        assertThat(malformed).isPositive();
    }

    private byte[] tampered(byte[] frame) {
        byte[] bytes = switch (random.nextInt(4)) {
            case 0 -> Arrays.copyOf(frame, FrameHeader.LENGTH_BYTES
                    + random.nextInt(1 + frame.length - FrameHeader.LENGTH_BYTES));
            case 1 -> Arrays.copyOf(frame, frame.length + 1 + random.nextInt(40));
            default -> frame;
        };
        int body = bytes.length - FrameHeader.LENGTH_BYTES;
        for (int changes = random.nextInt(4); changes > 0 && body > 0; changes--) {
            byte value = (byte) (random.nextBoolean() ? random.nextInt() : random.nextInt(3) - 1);
            bytes[FrameHeader.LENGTH_BYTES + random.nextInt(Math.min(body, 40))] = value;
        }
        return bytes;
    }

    @Test
    void stored_frames_of_a_wrong_length_are_lost() {
        byte[] bytes = Bytes.of(samples.frame(FrameType.MARK));
        for (int length : new int[]{1, 10, 71, 72, bytes.length - 1, bytes.length + 1}) {
            assertThat(FrameDecoder.whole(stored(Arrays.copyOf(bytes, length))))
                    .isInstanceOf(Decoded.Lost.class);
        }
    }

    @Test
    void a_lost_decoder_stays_lost() {
        try (FrameDecoder decoder = new FrameDecoder(allocator)) {
            assertThat(decoder.next(Unpooled.buffer().writeZero(100))).isInstanceOf(Decoded.Lost.class);
            assertThat(decoder.next(Unpooled.wrappedBuffer(Bytes.of(samples.frame(FrameType.PING)))))
                    .isInstanceOf(Decoded.Lost.class);
        }
    }

    @Test
    void a_boundary_is_where_no_frame_has_begun() {
        byte[] bytes = Bytes.of(samples.frame(FrameType.MARK));
        try (FrameDecoder decoder = new FrameDecoder(allocator)) {
            assertThat(decoder.isAtBoundary()).isTrue();
            decoder.next(Unpooled.wrappedBuffer(bytes, 0, 1));
            assertThat(decoder.isAtBoundary()).isFalse();
            decoder.next(Unpooled.wrappedBuffer(bytes, 1, 75));
            assertThat(decoder.isAtBoundary()).isFalse();
        }
        assertThat(allocator.used()).isZero();
    }
}

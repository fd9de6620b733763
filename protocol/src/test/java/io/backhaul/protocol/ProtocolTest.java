package io.backhaul.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.netty.buffer.UnpooledByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.Locale;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ProtocolTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false, true);

    private long used() {
        return allocator.metric().usedDirectMemory() + allocator.metric().usedHeapMemory();
    }

    @Test
    void positions_order_by_generation_then_sequence() {
        assertThat(Position.NONE).isLessThan(new Position(1, 1));
        assertThat(new Position(1, 99)).isLessThan(new Position(2, 1));
        assertThat(new Position(2, 1)).isLessThan(new Position(2, 2));
        assertThat(new Position(1, 5).max(new Position(2, 1))).isEqualTo(new Position(2, 1));
        assertThat(new Position(1, 5).min(new Position(2, 1))).isEqualTo(new Position(1, 5));
        assertThat(Position.parse("12:345")).isEqualTo(new Position(12, 345));
        assertThatIllegalArgumentException().isThrownBy(() -> Position.parse("12"));
        assertThatIllegalArgumentException().isThrownBy(() -> new Position(-1, 0));
    }

    @Test
    void identities_are_read_in_their_one_form_only() {
        Identity identity = new Identity(Role.MASTER_TARGET, MACHINE);
        assertThat(Identity.parse(identity.uri())).contains(identity);
        for (String wrong : new String[]{"", "backhaul://", "backhaul://source", "backhaul://source/", "https://x/y",
            "backhaul://source/1-2-3-4-5", "backhaul://SOURCE/" + MACHINE, identity.uri() + "/",
            "backhaul://source/" + UUID.randomUUID().toString().toUpperCase(Locale.ROOT)}) {
            assertThat(Identity.parse(wrong)).as(wrong).isEmpty();
        }
    }

    @Test
    void an_explanation_that_is_too_long_is_shortened_between_characters() throws Exception {
        Frame frame = new Refusal(MACHINE, FaultCode.STORE_FAILED, "é".repeat(2000)).frame(allocator);
        assertThat(Refusal.read(frame).text()).isEqualTo("é".repeat(510) + "…");
        frame.release();
        assertThat(used()).isZero();
    }

    @Test
    void what_is_asked_for_again_keeps_to_the_limits() {
        assertThatIllegalArgumentException().isThrownBy(() -> resend(0, 0, 1, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> resend(0, 0, 1, Limits.MAX_RESEND_EXTENTS + 1));
        assertThatIllegalArgumentException().isThrownBy(() -> resend(0, 0, 0, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> resend(0, 0, Limits.MAX_DATA_EXTENT_BYTES + 1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> resend(0, -1, 1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> resend(0, Long.MAX_VALUE, 1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> resend(Limits.MAX_DISKS, 0, 1, 1));
        Frame most = resend(Limits.MAX_DISKS - 1, Long.MAX_VALUE - Limits.MAX_DATA_EXTENT_BYTES,
                Limits.MAX_DATA_EXTENT_BYTES, Limits.MAX_RESEND_EXTENTS).frame(allocator);
        assertThat(most.lengthBytes()).isLessThan(FrameHeader.LENGTH_BYTES + Limits.MAX_CONTROL_BODY_BYTES);
        most.release();
        assertThat(used()).isZero();
    }

    private static Resend resend(int disk, long offset, int lengthBytes, int count) {
        return new Resend(MACHINE, Position.NONE,
                Collections.nCopies(count, new Resend.Extent(disk, offset, lengthBytes)));
    }

    @Test
    void malformed_extents_are_found_when_they_are_read() {
        malformed(0, 0, 1, 0);
        malformed(0, 0, 1, Limits.MAX_RESEND_EXTENTS + 1);
        malformed(0, 0, 1, -1);
        malformed(0, 0, 0, 1);
        malformed(0, 0, Limits.MAX_DATA_EXTENT_BYTES + 1, 1);
        malformed(0, Long.MAX_VALUE, 1, 1);
        malformed(0, -1, 1, 1);
        malformed(Limits.MAX_DISKS, 0, 1, 1);
        malformed(0, 0, 1, 2);
        assertThat(used()).isZero();
    }

    /** One extent, and a number that says how many there are. */
    private void malformed(int disk, long offset, int lengthBytes, int count) {
        Frame frame = Frame.of(allocator, FrameHeader.Fields.control(FrameType.RESEND, MACHINE, Position.NONE),
                body -> body.writeIntLE(count).writeIntLE(0).writeLongLE(offset).writeIntLE(lengthBytes)
                        .writeShortLE(disk).writeShortLE(0));
        assertThatExceptionOfType(MalformedBodyException.class).isThrownBy(() -> Resend.read(frame));
        frame.release();
    }

    @Test
    void what_cannot_be_written_releases_its_buffer() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Mark(MACHINE, new Position(1, 1), 0, Mark.Kind.USER, "x".repeat(256))
                        .frame(allocator));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Mark(MACHINE, Position.NONE, 0, Mark.Kind.USER, "x").frame(allocator));
        assertThat(used()).isZero();
    }

    @Test
    void a_batch_takes_no_more_than_the_limits_allow() {
        WriteBatchBuilder batch = new WriteBatchBuilder(allocator, 4096);
        int most = (Limits.MAX_WRITES_BODY_BYTES - 4 * WriteBatch.RECORD_BYTES) / 4;
        for (int i = 0; i < 4; i++) {
            assertThat(batch.hasRoomFor(most)).isTrue();
            batch.data(0, 0, ByteBuffer.allocate(most));
        }
        assertThat(batch.hasRoomFor(0)).isFalse();
        assertThatIllegalArgumentException().isThrownBy(() -> batch.zero(0, 0, 1));
        Frame frame = batch.close(new WriteBatchBuilder.Heading(MACHINE, new Position(1, 1), 0, false));
        assertThat(frame.lengthBytes()).isEqualTo(Limits.MAX_FRAME_BYTES);
        frame.release();
        assertThat(used()).isZero();
    }

    @Test
    void a_batch_takes_no_record_that_none_may_read() {
        WriteBatchBuilder batch = new WriteBatchBuilder(allocator, 4096);
        ByteBuffer byteOfData = ByteBuffer.allocate(1);
        assertThatIllegalArgumentException().isThrownBy(() -> batch.data(0, -1, byteOfData));
        assertThatIllegalArgumentException().isThrownBy(() -> batch.data(Limits.MAX_DISKS, 0, byteOfData));
        assertThatIllegalArgumentException().isThrownBy(() -> batch.zero(-1, 0, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> batch.zero(0, Long.MAX_VALUE, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> batch.zero(0, 0, Limits.MAX_ZERO_EXTENT_BYTES + 1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> batch.data(0, 0, ByteBuffer.allocate(Limits.MAX_DATA_EXTENT_BYTES + 1)));
        assertThat(batch.records()).isZero();
        batch.discard();
        assertThat(used()).isZero();
    }

    @Test
    void a_batch_that_does_not_shrink_is_stored_as_it_is() throws Exception {
        WriteBatchBuilder batch = new WriteBatchBuilder(allocator, 4096);
        batch.data(3, 512, ByteBuffer.wrap(new byte[]{1, 2, 3}));
        Frame frame = batch.close(new WriteBatchBuilder.Heading(MACHINE, new Position(1, 7), 9, false),
                (plain, target) -> -1);
        assertThat(frame.isCompressed()).isFalse();
        assertThat(WriteBatch.open(frame).storedPayloadBytes()).isEqualTo(3);
        frame.release();
    }

    @Test
    void a_batch_of_a_compressor_that_fails_leaks_nothing() {
        WriteBatchBuilder batch = new WriteBatchBuilder(allocator, 4096);
        batch.data(3, 512, ByteBuffer.wrap(new byte[]{1, 2, 3}));
        assertThatIllegalArgumentException().isThrownBy(() -> batch.close(
                new WriteBatchBuilder.Heading(MACHINE, new Position(1, 7), 9, false), (plain, target) -> {
                    throw new IllegalArgumentException("broken");
                }));
        assertThat(used()).isZero();
    }
}

package io.backhaul.source.ebpf;

import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameDecoder;
import io.backhaul.protocol.Position;
import io.backhaul.source.Observation.Continuation;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * What an agent leaves to the next one beside the ring, in memory that lives as long as the ring does. In an {@code ORDERED}
 * stretch each record of the ring has one sequence, and so has each frame that is kept here; so that the sequence of every
 * record follows from that of one, the <em>anchor</em>.
 *
 * <pre>
 *    0  u64 magic and version          32  u64 sequence of the frame ORDERED, 0: not ordered
 *    8  u64 generation                 40  u64 the count of losses that the dirty map knows of
 *   16  u64 last sequence given        64  two anchors of u64 position, generation, sequence of the record there
 *  128  slots of u64 sequence, u32 length, bytes of a frame
 * </pre>
 *
 * A process may be killed between any two stores: each is whole by itself, and their order is that of the methods.
 */
final class Notes {
    static final int LENGTH_BYTES = CaptureRing.NOTES_BYTES;
    private static final long MAGIC = 0x424b_4e4f_5445_0001L;
    private static final int GENERATION = 8;
    private static final int LAST = 16;
    private static final int ORDERED_AT = 32;
    private static final int LOSSES = 40;
    private static final int ANCHORS = 64;
    private static final int ANCHOR_BYTES = 32;
    private static final int SLOTS = 128;
    private static final int SLOT_BYTES = 512;
    private static final int SLOT_HEAD_BYTES = 16;
    private static final int SLOT_COUNT = (LENGTH_BYTES - SLOTS) / SLOT_BYTES;
    private static final VarHandle LONG = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final ByteBuffer memory;

    /** Takes notes that are there, or begins new ones. */
    Notes(ByteBuffer memory) {
        this.memory = memory.order(ByteOrder.LITTLE_ENDIAN);
        if (get(0) != MAGIC) {
            for (int i = 0; i < LENGTH_BYTES; i += Long.BYTES) {
                set(i, 0);
            }
            set(0, MAGIC);
        }
    }

    private long get(int offset) {
        return (long) LONG.getAcquire(memory, offset);
    }

    private void set(int offset, long value) {
        LONG.setVolatile(memory, offset, value);
    }

    long generation() {
        return get(GENERATION);
    }

    /** What was kept of another generation stands in the way of what will have the same sequence in this one: it goes first. */
    void begun(long generation) {
        set(ORDERED_AT, 0);
        set(LAST, 0);
        for (int i = 0; i < SLOT_COUNT; i++) {
            set(SLOTS + i * SLOT_BYTES, 0);
        }
        set(GENERATION, generation);
    }

    void reached(long sequence) {
        LONG.setRelease(memory, LAST, sequence);
    }

    /** The frame is kept, and everything behind it can be continued. */
    void ordered(Frame frame) {
        keep(frame);
        set(ORDERED_AT, frame.sequence());
    }

    void disordered() {
        set(ORDERED_AT, 0);
    }

    /** Keeps a frame; where there is no room for it, what is before it cannot be continued. */
    void keep(Frame frame) {
        int length = frame.lengthBytes();
        int slot = length <= SLOT_BYTES - SLOT_HEAD_BYTES ? freeSlot() : -1;
        if (slot < 0) {
            if (get(ORDERED_AT) != 0) {
                set(ORDERED_AT, frame.sequence() + 1);
            }
            return;
        }
        set(slot, 0);
        memory.putInt(slot + 8, length);
        frame.bytes().getBytes(frame.bytes().readerIndex(), memory.slice(slot + SLOT_HEAD_BYTES, length));
        set(slot, frame.sequence());
    }

    /** A slot whose frame is released, whichever of the anchors will count. */
    private int freeSlot() {
        long generation = get(GENERATION);
        Anchor first = anchor(0);
        Anchor second = anchor(1);
        long released = first.generation() == generation && second.generation() == generation
                ? Math.min(first.sequence(), second.sequence())
                : 0;
        for (int i = 0; i < SLOT_COUNT; i++) {
            int slot = SLOTS + i * SLOT_BYTES;
            long sequence = get(slot);
            if (sequence == 0 || sequence < get(ORDERED_AT) || sequence < released) {
                return slot;
            }
        }
        return -1;
    }

    /** The frame that is kept for a sequence; null where there is none. */
    @Nullable
    Frame kept(long sequence) {
        for (int i = 0; i < SLOT_COUNT; i++) {
            int slot = SLOTS + i * SLOT_BYTES;
            if (get(slot) == sequence) {
                ByteBuf copy = Unpooled.buffer(SLOT_BYTES);
                copy.writeBytes(memory.slice(slot + SLOT_HEAD_BYTES, memory.getInt(slot + 8)));
                return FrameDecoder.whole(copy) instanceof Decoded.Intact intact
                        && intact.frame().generation() == get(GENERATION) ? intact.frame() : null;
            }
        }
        return null;
    }

    /** Where a record stands in ring and stream. */
    record Anchor(long position, long generation, long sequence) {}

    /** The record at this position will have this sequence. To be called before the ring is released up to there. */
    void anchor(Anchor next, long tail) {
        int at = ANCHORS + (1 - indexAt(tail)) * ANCHOR_BYTES;
        set(at, -1);
        set(at + 8, next.generation());
        set(at + 16, next.sequence());
        set(at, next.position());
    }

    private Anchor anchor(int index) {
        int at = ANCHORS + index * ANCHOR_BYTES;
        return new Anchor(get(at), get(at + 8), get(at + 16));
    }

    /** Which of the two speaks of the tail; where both do, the one that was written last. */
    private int indexAt(long tail) {
        Anchor first = anchor(0);
        Anchor second = anchor(1);
        boolean isSecondLater = new Position(second.generation(), second.sequence())
                .isAtLeast(new Position(first.generation(), first.sequence()));
        return second.position() == tail && (first.position() != tail || isSecondLater) ? 1 : 0;
    }

    /** The anchor at the ring's tail; null where there is none. */
    @Nullable
    Anchor anchorAt(long tail) {
        Anchor anchor = anchor(indexAt(tail));
        return anchor.position() == tail && anchor.sequence() > 0 ? anchor : null;
    }

    /** What can be continued from the ring's tail on; frames that were never given out are forgotten. */
    @Nullable
    Continuation continuation(long tail) {
        Anchor anchor = anchorAt(tail);
        long generation = get(GENERATION);
        long orderedAt = get(ORDERED_AT);
        long last = get(LAST);
        if (anchor == null || anchor.generation() != generation || orderedAt == 0 || orderedAt > last
                || anchor.sequence() < orderedAt) {
            return null;
        }
        for (int i = 0; i < SLOT_COUNT; i++) {
            int slot = SLOTS + i * SLOT_BYTES;
            if (get(slot) > last) {
                set(slot, 0);
            }
        }
        return new Continuation(new Position(generation, anchor.sequence() - 1),
                new Position(generation, last));
    }

    long losses() {
        return get(LOSSES);
    }

    void lossesTaken(long count) {
        set(LOSSES, count);
    }
}

package io.backhaul.source;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.backhaul.source.Packer.Packed;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The frames of the current generation that are not released yet, in order: those that were given out, then those that were
 * not. Holds one count of each frame and its room until it is released. Owned by the session's loop.
 */
final class SendWindow {
    private final Room room;
    private final Deque<Packed> given = new ArrayDeque<>();
    private final Deque<Packed> waiting = new ArrayDeque<>();
    private long generation;
    private long releasedSequence;
    private long lastSequence;
    private long waitingBytes;

    SendWindow(Room room) {
        this.room = room;
    }

    /** Drops everything; from now on only frames of {@code next} are taken. */
    void begin(long next) {
        drop(given);
        drop(waiting);
        waitingBytes = 0;
        generation = next;
        releasedSequence = 0;
        lastSequence = 0;
    }

    /** Drops everything; from now on what follows {@code behind} is taken. */
    void resume(Position behind) {
        begin(behind.generation());
        releasedSequence = behind.sequence();
        lastSequence = behind.sequence();
    }

    private void drop(Deque<Packed> frames) {
        for (Packed each = frames.poll(); each != null; each = frames.poll()) {
            release(each);
        }
    }

    private void release(Packed each) {
        each.frame().release();
        room.give(each.roomBytes());
    }

    /** Takes a frame; one of another generation is dropped. Says whether it was taken. */
    boolean add(Packed packed) {
        Frame frame = packed.frame();
        if (frame.generation() != generation) {
            release(packed);
            return false;
        }
        if (frame.sequence() != lastSequence + 1) {
            throw new IllegalStateException(frame + " does not follow " + lastSequence);
        }
        lastSequence = frame.last().sequence();
        waiting.add(packed);
        waitingBytes += frame.lengthBytes();
        return true;
    }

    /** The last position held; sequence 0 where there was none in this generation. */
    Position last() {
        return new Position(generation, lastSequence);
    }

    /** Bytes of frames that were not given out yet. */
    long waitingBytes() {
        return waitingBytes;
    }

    int frames() {
        return given.size() + waiting.size();
    }

    /** Whether the frame behind a position is still here, or yet to come. */
    boolean covers(Position durable) {
        long sequence = durable.generation() == generation ? durable.sequence() : 0;
        return sequence >= releasedSequence && sequence <= lastSequence;
    }

    /** Goes back so that {@link #next} gives the frame behind {@code durable}, which must be covered. */
    void rewind(Position durable) {
        long sequence = durable.generation() == generation ? durable.sequence() : 0;
        for (Packed each = given.pollLast(); each != null; each = given.pollLast()) {
            waiting.addFirst(each);
            waitingBytes += each.frame().lengthBytes();
        }
        while (!waiting.isEmpty() && waiting.getFirst().frame().last().sequence() <= sequence) {
            Packed each = waiting.removeFirst();
            waitingBytes -= each.frame().lengthBytes();
            given.addLast(each);
        }
    }

    /** The next frame, retained for the caller; null where there is none. */
    @Nullable
    Frame next() {
        Packed each = waiting.poll();
        if (each == null) {
            return null;
        }
        given.addLast(each);
        waitingBytes -= each.frame().lengthBytes();
        return each.frame().retain();
    }

    /** Releases what lies at or before a position. */
    void release(Position upTo) {
        if (upTo.generation() != generation) {
            return;
        }
        while (!given.isEmpty() && given.getFirst().frame().last().sequence() <= upTo.sequence()) {
            Packed each = given.removeFirst();
            releasedSequence = each.frame().last().sequence();
            release(each);
        }
    }
}

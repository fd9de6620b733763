package io.backhaul.source;

import io.backhaul.protocol.Position;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What has been captured and is not journaled yet, as bytes and age, after the frames themselves are long gone. Bounded:
 * when it is full, neighbours are merged, and the age is known less finely. Owned by the session's loop.
 */
final class LagLedger {
    private static final int MAX_ENTRIES = 4096;

    /** Records up to {@code sequence}, with all bytes up to there, the oldest captured at {@code openedNanos}. */
    private record Entry(long sequence, long bytesUpTo, long openedNanos) {}

    private Deque<Entry> entries = new ArrayDeque<>();
    private long generation;
    private long bytesUpTo;
    private long journaledBytes;

    void begin(long next) {
        entries.clear();
        generation = next;
        bytesUpTo = 0;
        journaledBytes = 0;
    }

    void add(long lastSequence, long plainBytes, long openedNanos) {
        bytesUpTo += plainBytes;
        entries.add(new Entry(lastSequence, bytesUpTo, openedNanos));
        if (entries.size() > MAX_ENTRIES) {
            Deque<Entry> merged = new ArrayDeque<>();
            while (entries.size() > 1) {
                Entry first = entries.removeFirst();
                Entry second = entries.removeFirst();
                merged.add(new Entry(second.sequence, second.bytesUpTo, first.openedNanos));
            }
            merged.addAll(entries);
            entries = merged;
        }
    }

    void journaled(Position position) {
        while (position.generation() == generation && !entries.isEmpty()
                && entries.getFirst().sequence <= position.sequence()) {
            journaledBytes = entries.removeFirst().bytesUpTo;
        }
    }

    /** Payload bytes that are packed and not journaled. */
    long lagBytes() {
        return bytesUpTo - journaledBytes;
    }

    /** Payload bytes journaled since the generation began. */
    long journaledBytes() {
        return journaledBytes;
    }

    /** Age of the oldest record that is not journaled; 0 where there is none. */
    long lagNanos(long nowNanos) {
        return entries.isEmpty() ? 0 : nowNanos - entries.getFirst().openedNanos;
    }
}

package io.backhaul.simulation.world;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Events by instant, and among equal instants in the order they were given: a binary heap. */
final class EventQueue {
    private Event[] heap = new Event[256];
    private int size;
    private long given;

    /** A task of somebody at an instant. */
    static final class Event {
        final long nanos;
        final long order;
        final @Nullable SimProcess owner;
        final Runnable task;

        private Event(long nanos, long order, @Nullable SimProcess owner, Runnable task) {
            this.nanos = nanos;
            this.order = order;
            this.owner = owner;
            this.task = task;
        }

        private boolean isBefore(Event other) {
            return nanos < other.nanos || (nanos == other.nanos && order < other.order);
        }
    }

    void add(long nanos, @Nullable SimProcess owner, Runnable task) {
        Event event = new Event(nanos, given++, owner, task);
        if (size == heap.length) {
            heap = Arrays.copyOf(heap, size * 2);
        }
        int at = size++;
        while (at > 0 && event.isBefore(heap[(at - 1) / 2])) {
            heap[at] = heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }
        heap[at] = event;
    }

    /** Takes the next one out; null where there is none. */
    @Nullable
    Event poll() {
        if (size == 0) {
            return null;
        }
        Event first = heap[0];
        Event last = heap[--size];
        int at = 0;
        for (int child = 1; child < size; child = 2 * at + 1) {
            if (child + 1 < size && heap[child + 1].isBefore(heap[child])) {
                child++;
            }
            if (last.isBefore(heap[child])) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = last;
        return first;
    }

    /** The instant of the next one, or {@link Long#MAX_VALUE}. */
    long nextNanos() {
        return size == 0 ? Long.MAX_VALUE : heap[0].nanos;
    }

    void clear() {
        heap = new Event[256];
        size = 0;
    }
}

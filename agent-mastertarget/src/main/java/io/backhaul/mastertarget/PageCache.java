package io.backhaul.mastertarget;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Verified pages of runs, up to a number of them. Each page has two slots where it may be kept; of the two, a page of pieces
 * goes before one of fences. Safe for any thread, without a lock: the worst that a race does is to forget a page.
 */
final class PageCache {
    private final AtomicReferenceArray<@Nullable Page> slots;
    private final AtomicInteger kept = new AtomicInteger();

    /** A page; nobody changes it. */
    private record Page(int run, int number, boolean inner, ByteBuffer bytes) {
        boolean is(int otherRun, int otherNumber) {
            return run == otherRun && number == otherNumber;
        }
    }

    PageCache(long limitBytes) {
        slots = new AtomicReferenceArray<>(Math.clamp(limitBytes / RunHeader.PAGE_BYTES, 2, 1 << 22));
    }

    private int slot(int run, int number, int salt) {
        long mixed = ((long) run * 0x9E3779B97F4A7C15L) ^ ((number + (long) salt) * 0xC2B2AE3D27D4EB4FL);
        mixed = (mixed ^ (mixed >>> 29)) * 0xBF58476D1CE4E5B9L;
        return Math.toIntExact(Math.floorMod(mixed ^ (mixed >>> 32), (long) slots.length()));
    }

    @Nullable
    ByteBuffer get(int run, int number) {
        Page first = slots.get(slot(run, number, 0));
        if (first != null && first.is(run, number)) {
            return first.bytes;
        }
        Page second = slots.get(slot(run, number, 0x5bd1e995));
        return second != null && second.is(run, number) ? second.bytes : null;
    }

    void put(int run, int number, boolean inner, ByteBuffer bytes) {
        int one = slot(run, number, 0);
        int other = slot(run, number, 0x5bd1e995);
        Page first = slots.get(one);
        Page second = slots.get(other);
        boolean toOther = first != null && (second == null
                || (first.inner == second.inner ? (number & 1) == 0 : first.inner));
        if (slots.getAndSet(toOther ? other : one, new Page(run, number, inner, bytes)) == null) {
            kept.incrementAndGet();
        }
    }

    long memoryBytes() {
        return (long) kept.get() * RunHeader.PAGE_BYTES;
    }
}

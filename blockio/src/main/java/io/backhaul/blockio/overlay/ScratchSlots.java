package io.backhaul.blockio.overlay;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceFullException;
import java.util.BitSet;
import java.util.concurrent.locks.ReentrantLock;

/** Which pieces of the scratch are taken. The scratch's size is the limit. */
final class ScratchSlots {
    private final ReentrantLock lock = new ReentrantLock();
    private final BitSet taken = new BitSet();
    private final int limit;
    private final BlockDevice scratch;
    private int lowestFree;
    private int count;

    ScratchSlots(BlockDevice scratch, int blockBytes) {
        this.scratch = scratch;
        this.limit = (int) Math.min(Integer.MAX_VALUE - 8, scratch.sizeBytes() / blockBytes);
    }

    int take() throws DeviceFullException {
        lock.lock();
        try {
            int slot = taken.nextClearBit(lowestFree);
            if (slot >= limit) {
                throw new DeviceFullException("the scratch of " + scratch.sizeBytes()
                        + " bytes is full: give the writable view a larger one");
            }
            taken.set(slot);
            lowestFree = slot + 1;
            count++;
            return slot;
        } finally {
            lock.unlock();
        }
    }

    void release(int slot) {
        lock.lock();
        try {
            taken.clear(slot);
            lowestFree = Math.min(lowestFree, slot);
            count--;
        } finally {
            lock.unlock();
        }
    }

    int count() {
        lock.lock();
        try {
            return count;
        } finally {
            lock.unlock();
        }
    }
}

package io.backhaul.simulation.world;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledHeapByteBuf;

/** Buffers on the heap, whatever was asked for, and counted: those of a killed process need nobody to release them. */
final class HeapAllocator extends AbstractByteBufAllocator {
    private long usedBytes;
    private long peakBytes;

    HeapAllocator() {
        super(false);
    }

    long usedBytes() {
        return usedBytes;
    }

    /** The most there ever was. */
    long peakBytes() {
        return peakBytes;
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
        return new Counted(initialCapacity, maxCapacity);
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
        return new Counted(initialCapacity, maxCapacity);
    }

    @Override
    public boolean isDirectBufferPooled() {
        return false;
    }

    private final class Counted extends UnpooledHeapByteBuf {
        Counted(int initialCapacity, int maxCapacity) {
            super(HeapAllocator.this, initialCapacity, maxCapacity);
        }

        @Override
        protected byte[] allocateArray(int initialCapacity) {
            usedBytes += initialCapacity;
            peakBytes = Math.max(peakBytes, usedBytes);
            return super.allocateArray(initialCapacity);
        }

        @Override
        protected void freeArray(byte[] array) {
            usedBytes -= array.length;
            super.freeArray(array);
        }
    }
}

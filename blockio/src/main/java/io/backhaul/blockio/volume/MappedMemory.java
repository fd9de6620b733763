package io.backhaul.blockio.volume;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** A shared mapping of a file. */
final class MappedMemory implements MappedRegion {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONGS = LONG.varHandle();

    private final String name;
    private final Arena arena;
    private final MemorySegment memory;

    MappedMemory(String name, Arena arena, MemorySegment memory) {
        this.name = name;
        this.arena = arena;
        this.memory = memory;
    }

    @Override
    public long lengthBytes() {
        return memory.byteSize();
    }

    @Override
    public byte getByte(long offset) {
        return memory.get(ValueLayout.JAVA_BYTE, offset);
    }

    @Override
    public void putByte(long offset, byte value) {
        memory.set(ValueLayout.JAVA_BYTE, offset, value);
    }

    @Override
    public long getLong(long offset) {
        return memory.get(LONG, offset);
    }

    @Override
    public void putLong(long offset, long value) {
        memory.set(LONG, offset, value);
    }

    @Override
    public long getAndSetBits(long offset, long mask) {
        return (long) LONGS.getAndBitwiseOr(memory, offset, mask);
    }

    @Override
    public long getAndClearBits(long offset, long mask) {
        return (long) LONGS.getAndBitwiseAnd(memory, offset, ~mask);
    }

    @Override
    public void force() throws IOException {
        try {
            memory.force();
        } catch (UncheckedIOException failure) {
            throw new IOException(name + ": sync of the mapping: " + failure.getMessage(), failure);
        }
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}

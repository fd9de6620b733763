package io.backhaul.simulation.world;

import io.backhaul.blockio.volume.MappedRegion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/** A mapped range of a simulated file. */
final class SimRegion implements MappedRegion {
    private final SimDrive drive;
    private final SimProcess process;
    private final SimDrive.Inode inode;
    private final long start;
    private final long length;
    private final ByteBuffer word = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    private boolean closed;

    SimRegion(SimDrive drive, SimProcess process, SimDrive.Inode inode, long start, long length) {
        this.drive = drive;
        this.process = process;
        this.inode = inode;
        this.start = start;
        this.length = length;
    }

    private long at(long offset, int bytes) {
        process.mustLive();
        if (closed) {
            throw new IllegalStateException("region is closed");
        }
        return start + Objects.checkFromIndexSize(offset, bytes, length);
    }

    @Override
    public long lengthBytes() {
        return length;
    }

    @Override
    public byte getByte(long offset) {
        inode.bytes.read(at(offset, 1), word.clear().limit(1));
        return word.get(0);
    }

    @Override
    public void putByte(long offset, byte value) {
        long at = at(offset, 1);
        word.clear().put(0, value);
        inode.bytes.write(at, word.limit(1));
    }

    @Override
    public long getLong(long offset) {
        return inode.bytes.getLong(at(offset, 8));
    }

    @Override
    public void putLong(long offset, long value) {
        long at = at(offset, 8);
        word.clear().putLong(0, value);
        inode.bytes.write(at, word);
    }

    @Override
    public long getAndSetBits(long offset, long mask) {
        long before = getLong(offset);
        putLong(offset, before | mask);
        return before;
    }

    @Override
    public long getAndClearBits(long offset, long mask) {
        long before = getLong(offset);
        putLong(offset, before & ~mask);
        return before;
    }

    @Override
    public void force() throws IOException {
        drive.host().operation(process);
        if (drive.trouble().strikes(Trouble.Kind.SYNC)) {
            inode.bytes.failSync();
            throw new IOException("mapped file: Input/output error in msync");
        }
        inode.bytes.sync();
        inode.durableLength = inode.length;
    }

    @Override
    public void close() {
        closed = true;
    }
}

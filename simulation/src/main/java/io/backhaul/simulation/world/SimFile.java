package io.backhaul.simulation.world;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.volume.MappedRegion;
import io.backhaul.blockio.volume.StoredFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** An open file of a {@link SimDrive}. */
final class SimFile implements StoredFile {
    private final SimDrive drive;
    private final SimProcess process;
    private final String path;
    private final SimDrive.Inode inode;
    private @Nullable IOException poison;
    private boolean closed;

    SimFile(SimDrive drive, SimProcess process, String path, SimDrive.Inode inode) {
        this.drive = drive;
        this.process = process;
        this.path = path;
        this.inode = inode;
    }

    private void begin() throws IOException {
        drive.host().operation(process);
        mustBeOpen();
    }

    private void mustBeOpen() throws IOException {
        if (closed) {
            throw new IOException(path + " is closed");
        }
    }

    private void beginSlowly() throws IOException {
        drive.host().slowOperation(process);
        mustBeOpen();
    }

    private void beginChange() throws IOException {
        beginSlowly();
        if (poison != null) {
            throw new IOException(path + " has failed before", poison);
        }
    }

    private IOException poisoned(IOException cause) {
        poison = cause;
        return cause;
    }

    @Override
    public long length() throws IOException {
        begin();
        return inode.length;
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        write(offset, new ByteBuffer[]{source});
    }

    @Override
    public void write(long offset, ByteBuffer[] sources) throws IOException {
        beginChange();
        long at = offset;
        for (ByteBuffer source : sources) {
            at += writeOne(at, source);
        }
    }

    private int writeOne(long offset, ByteBuffer source) throws IOException {
        int length = source.remaining();
        if (drive.trouble().strikes(Trouble.Kind.WRITE)) {
            part(offset, source, drive.dice().nextInt(length + 1));
            throw poisoned(new IOException(path + ": Input/output error"));
        }
        if (inode.bytes.bytesNeeded(offset, length) > drive.freeBytes()) {
            drive.tally().count("disk full");
            part(offset, source, (int) Math.min(length, drive.freeBytes()) / 2);
            throw poisoned(new DeviceFullException(path + ": No space left on device"));
        }
        part(offset, source, length);
        return length;
    }

    private void part(long offset, ByteBuffer source, int length) {
        if (length > 0) {
            ByteBuffer part = source.slice(source.position(), length);
            inode.bytes.write(offset, part);
            inode.length = Math.max(inode.length, offset + length);
        }
        source.position(source.position() + length);
    }

    @Override
    public int read(long offset, ByteBuffer target) throws IOException {
        beginSlowly();
        drive.trouble().check(Trouble.Kind.READ, path);
        if (offset >= inode.length) {
            return -1;
        }
        int length = (int) Math.min(target.remaining(), inode.length - offset);
        ByteBuffer part = target.slice(target.position(), length);
        inode.bytes.read(offset, part);
        target.position(target.position() + length);
        return length;
    }

    @Override
    public void sync() throws IOException {
        beginChange();
        if (drive.trouble().strikes(Trouble.Kind.SYNC)) {
            inode.bytes.failSync();
            throw poisoned(new IOException(path + ": Input/output error in fsync"));
        }
        inode.bytes.sync();
        inode.durableLength = inode.length;
        drive.host().operation(process);
    }

    @Override
    public void truncate(long lengthBytes) throws IOException {
        beginChange();
        if (drive.trouble().strikes(Trouble.Kind.WRITE)) {
            throw poisoned(new IOException(path + ": Input/output error"));
        }
        if (lengthBytes < inode.length) {
            inode.bytes.zero(lengthBytes, inode.length - lengthBytes);
        }
        inode.length = lengthBytes;
    }

    @Override
    public void preallocate(long lengthBytes) throws IOException {
        beginChange();
        if (lengthBytes - inode.bytes.bytesInUse() > drive.freeBytes()) {
            drive.tally().count("disk full");
            throw poisoned(new DeviceFullException(path + ": No space left on device"));
        }
    }

    @Override
    public MappedRegion map(long offset, long lengthBytes) throws IOException {
        beginChange();
        inode.length = Math.max(inode.length, offset + lengthBytes);
        return new SimRegion(drive, process, inode, offset, lengthBytes);
    }

    @Override
    public void close() {
        process.mustLive();
        closed = true;
    }
}

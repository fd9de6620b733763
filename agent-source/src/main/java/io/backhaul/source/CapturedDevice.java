package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A protected disk as its client sees it: what is written goes to the disk, then into the stream, and is answered after
 * both. Reads, flushes and extents go straight through.
 */
final class CapturedDevice implements BlockDevice {
    private final int disk;
    private final BlockDevice device;
    private final WriteThroughCapture capture;

    CapturedDevice(int disk, BlockDevice device, WriteThroughCapture capture) {
        this.disk = disk;
        this.device = device;
        this.capture = capture;
    }

    private interface Change {
        void run() throws IOException;
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        int length = source.remaining();
        if (length == 0) {
            return;
        }
        ByteBuffer copied = source.duplicate();
        change(offset, length, length, () -> device.write(offset, source),
                () -> capture.stream().write(disk, offset, copied));
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        if (lengthBytes > 0) {
            change(offset, lengthBytes, 0, () -> device.zero(offset, lengthBytes),
                    () -> capture.stream().zero(disk, offset, lengthBytes));
        }
    }

    private void change(long offset, long lengthBytes, long payloadBytes, Change onDisk, Runnable inStream)
            throws IOException {
        if (offset < 0 || offset > sizeBytes() - lengthBytes) {
            throw new EOFException(lengthBytes + " bytes at " + offset + " of a disk of " + sizeBytes());
        }
        if (readOnly()) {
            throw new IOException("the disk is read-only");
        }
        capture.holdBack(payloadBytes);
        Flights.Flight flight = capture.flights().enter(disk, offset, lengthBytes);
        try {
            int ticket = capture.stream().announce(disk, offset, lengthBytes);
            boolean streamed = false;
            try {
                onDisk.run();
                inStream.run();
                streamed = true;
            } finally {
                if (!streamed) {
                    capture.stream().failed(disk, offset, lengthBytes);
                }
                capture.stream().settled(ticket);
            }
        } finally {
            capture.flights().leave(flight);
        }
    }

    @Override
    public long sizeBytes() {
        return device.sizeBytes();
    }

    @Override
    public int sectorSizeBytes() {
        return device.sectorSizeBytes();
    }

    @Override
    public boolean readOnly() {
        return device.readOnly();
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        device.read(offset, target);
    }

    @Override
    public boolean zeroIsFast() {
        return device.zeroIsFast();
    }

    @Override
    public void flush() throws IOException {
        try {
            device.flush();
        } catch (IOException failed) {
            capture.doubt();
            throw failed;
        }
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        device.extents(offset, lengthBytes, visitor);
    }

    /** Leaves the disk open: it is the machine's. */
    @Override
    public void close() {}

    /** What NBD clients are told of the export. */
    @Override
    public String toString() {
        return "a protected disk, replicated by Backhaul";
    }
}

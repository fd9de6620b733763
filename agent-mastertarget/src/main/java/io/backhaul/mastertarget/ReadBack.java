package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Compares what should stand on a machine's disks with what is read back of them, past caches where that can be done. What
 * should stand there comes from frames and old content of which every checksum was right. Used by one lane.
 */
final class ReadBack implements DiskSink, AutoCloseable {
    private static final int READ_BYTES = 1 << 20;

    private final Map<Integer, BlockDevice> devices = new TreeMap<>();
    private final BaseSet disks;
    private final AtomicLong checkedBytes;
    private final ByteBuffer found = ByteBuffer.allocate(READ_BYTES);
    private final ByteBuffer zeroes = ByteBuffer.allocate(READ_BYTES);

    /**
     * @param checkedBytes
     *            grows by what has been compared
     */
    ReadBack(BaseSet disks, AtomicLong checkedBytes) {
        this.disks = disks;
        this.checkedBytes = checkedBytes;
    }

    private BlockDevice device(int disk) throws IOException {
        BlockDevice known = devices.get(disk);
        if (known == null) {
            known = disks.disk(disk).reread();
            devices.put(disk, known);
        }
        return known;
    }

    @Override
    public void write(int disk, long offset, ByteBuffer data) throws IOException {
        long at = offset;
        while (data.hasRemaining()) {
            int length = Math.min(READ_BYTES, data.remaining());
            compare(disk, at, data.slice(data.position(), length));
            data.position(data.position() + length);
            at += length;
        }
    }

    @Override
    public void zero(int disk, long offset, long lengthBytes) throws IOException {
        for (long at = 0; at < lengthBytes; at += READ_BYTES) {
            compare(disk, offset + at, zeroes.slice(0, (int) Math.min(READ_BYTES, lengthBytes - at)));
        }
    }

    private void compare(int disk, long offset, ByteBuffer wanted) throws IOException {
        found.clear().limit(wanted.remaining());
        device(disk).read(offset, found);
        int differs = found.flip().mismatch(wanted);
        if (differs >= 0) {
            throw new StoreException(Kind.CORRUPT, disks.disk(disk).placed().path() + " does not hold at "
                    + (offset + differs) + " what was written there; check the datastore's hardware");
        }
        checkedBytes.addAndGet(wanted.remaining());
    }

    @Override
    public void close() throws IOException {
        for (BlockDevice each : devices.values()) {
            each.close();
        }
        devices.clear();
    }
}

package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceRange;
import io.backhaul.blockio.ReadOnlyDeviceException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * One disk as it was at a position: the newest journaled version of each byte up to there, and the base disk where there
 * is none. Right as long as the base is not folded beyond the position and what the map names stays in the journal: the
 * {@link View} sees to both.
 */
final class ViewDevice implements BlockDevice {
    private static final byte[] ZEROES = new byte[64 << 10];

    private final BaseDisk base;
    private final IndexSnapshot snapshot;
    private final ExtentMap map;
    private final Payloads payloads;

    ViewDevice(BaseDisk base, IndexSnapshot snapshot, Payloads payloads) {
        this.base = base;
        this.snapshot = snapshot;
        this.map = snapshot.map(base.placed().index());
        this.payloads = payloads;
    }

    @Override
    public long sizeBytes() {
        return base.placed().disk().sizeBytes();
    }

    @Override
    public int sectorSizeBytes() {
        return base.placed().disk().sectorSizeBytes();
    }

    @Override
    public boolean readOnly() {
        return true;
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        DeviceRange.check(this, offset, target.remaining());
        int limit = target.limit();
        long at = offset;
        int piece = map.firstEndingAfter(at);
        try {
            while (target.position() < limit) {
                int room = limit - target.position();
                boolean inGap = piece >= map.count() || map.start(piece) > at;
                long runEnd = inGap ? gapEnd(piece) : map.end(piece);
                int length = (int) Math.min(room, runEnd - at);
                target.limit(target.position() + length);
                if (inGap) {
                    base.read(at, target);
                } else {
                    readPiece(piece, at, target);
                    piece += at + length == runEnd ? 1 : 0;
                }
                at += length;
            }
        } finally {
            target.limit(limit);
        }
    }

    private long gapEnd(int piece) {
        return piece >= map.count() ? sizeBytes() : map.start(piece);
    }

    private void readPiece(int piece, long at, ByteBuffer target) throws IOException {
        int ordinal = map.ordinal(piece);
        if (snapshot.isZero(ordinal)) {
            while (target.hasRemaining()) {
                target.put(ZEROES, 0, Math.min(ZEROES.length, target.remaining()));
            }
        } else {
            ByteBuffer payload = payloads.get(snapshot.placement(ordinal));
            target.put(payload.slice(snapshot.payloadOffset(ordinal, at), target.remaining()));
        }
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        throw new ReadOnlyDeviceException("a recovery point cannot be written");
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        throw new ReadOnlyDeviceException("a recovery point cannot be written");
    }

    @Override
    public void flush() {
        // nothing is ever written
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        DeviceRange.check(this, offset, lengthBytes);
        long at = offset;
        long end = offset + lengthBytes;
        int piece = map.firstEndingAfter(at);
        while (at < end) {
            boolean inGap = piece >= map.count() || map.start(piece) > at;
            long runEnd = Math.min(end, inGap ? gapEnd(piece) : map.end(piece));
            if (inGap) {
                base.extents(at, runEnd - at, visitor);
            } else {
                visitor.extent(at, runEnd - at, snapshot.isZero(map.ordinal(piece++)));
            }
            at = runEnd;
        }
    }

    @Override
    public void close() {
        // the view owns what is behind it
    }
}

package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceRange;
import io.backhaul.blockio.ReadOnlyDeviceException;
import io.backhaul.mastertarget.Layers.Found;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * One disk as it was at a position: the newest journaled version of each byte up to there, and the base disk where there
 * is none, as it stood in front of them. Right as long as what the layers name stays in the journal, and what is folded beyond
 * the position is saved before: the {@link View} sees to both.
 */
final class ViewDevice implements BlockDevice {
    private static final byte[] ZEROES = new byte[64 << 10];
    private static final long FIND_BYTES = 4L << 20;

    private final OldBase base;
    private final Layers layers;
    private final Payloads payloads;

    ViewDevice(OldBase base, Layers layers, Payloads payloads) {
        this.base = base;
        this.layers = layers;
        this.payloads = payloads;
    }

    @Override
    public long sizeBytes() {
        return base.disk().placed().disk().sizeBytes();
    }

    @Override
    public int sectorSizeBytes() {
        return base.disk().placed().disk().sectorSizeBytes();
    }

    @Override
    public boolean readOnly() {
        return true;
    }

    /** What is done with each stretch. */
    private interface Visitor {
        void visit(Found found) throws IOException;
    }

    private void walk(long offset, long lengthBytes, Visitor visitor) throws IOException {
        DeviceRange.check(this, offset, lengthBytes);
        long end = offset + lengthBytes;
        for (long at = offset; at < end; at += FIND_BYTES) {
            for (Found found : layers.find(base.disk().placed().index(), at, Math.min(end, at + FIND_BYTES))) {
                visitor.visit(found);
            }
        }
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        int limit = target.limit();
        try {
            walk(offset, target.remaining(), found -> {
                target.limit(target.position() + (int) (found.to() - found.from()));
                read(found, target);
            });
        } finally {
            target.limit(limit);
        }
    }

    private void read(Found found, ByteBuffer target) throws IOException {
        Piece piece = found.piece();
        if (piece == null) {
            base.read(found.from(), target);
        } else if (piece.zero()) {
            while (target.hasRemaining()) {
                target.put(ZEROES, 0, Math.min(ZEROES.length, target.remaining()));
            }
        } else {
            target.put(payloads.get(piece.at()).slice(piece.payloadOffset(), target.remaining()));
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
        walk(offset, lengthBytes, found -> {
            Piece piece = found.piece();
            if (piece == null) {
                base.extents(found.from(), found.to() - found.from(), visitor);
            } else {
                visitor.extent(found.from(), found.to() - found.from(), piece.zero());
            }
        });
    }

    @Override
    public void close() {
        // the view owns what is behind it
    }
}

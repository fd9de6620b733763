package io.backhaul.source;

import io.backhaul.protocol.Position;
import java.util.BitSet;

/**
 * What is written to a stretch of a disk while it is verified, by blocks of {@link SliceReader#BLOCK_BYTES}. Unlike a
 * {@link Registration} it takes every record for a touch, whatever a read may have seen of it: digests speak of some state
 * behind {@link #position}, and nobody knows of which. Guarded by the lock of {@link ChangeStream}.
 */
final class Watch {
    private final int disk;
    private final DirtyMap.Stretch stretch;
    private final Position position;
    private final long order;
    private final BitSet touched = new BitSet();

    /**
     * Nothing touched yet.
     *
     * @param position
     *            what the stream had come to: records behind it are seen
     * @param order
     *            which of the stream's ORDERED stretches it began in
     */
    Watch(int disk, DirtyMap.Stretch stretch, Position position, long order) {
        this.disk = disk;
        this.stretch = stretch;
        this.position = position;
        this.order = order;
    }

    Position position() {
        return position;
    }

    long order() {
        return order;
    }

    /** The number, within the stretch, of the block at this offset. */
    int block(long offset) {
        return (int) ((offset - stretch.offset()) / SliceReader.BLOCK_BYTES);
    }

    /** A record of the stream changes this. */
    void touch(int writtenDisk, long offset, long lengthBytes) {
        long from = Math.max(offset, stretch.offset());
        long to = Math.min(offset + lengthBytes, stretch.offset() + stretch.lengthBytes());
        if (writtenDisk == disk && from < to) {
            touched.set(block(from), block(to - 1) + 1);
        }
    }

    BitSet touched() {
        return (BitSet) touched.clone();
    }
}

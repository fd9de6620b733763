package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.mastertarget.UndoSet.Found;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Brings base disks back to an earlier position: whatever has been saved since, and so may have been overwritten, is written
 * as it was then. Reads journal and old content only, never what it writes, so that it may be cut off anywhere and done again
 * from the beginning. Used by one lane.
 */
final class Restorer {
    private static final int COPY_BYTES = 1 << 20;

    private final DiskSink disks;
    private final UndoSet undo;
    private final AtomicLong doneBytes;
    private final ByteBuffer copied = ByteBuffer.allocate(COPY_BYTES);

    private record Extent(long from, long lengthBytes, boolean zero) {}

    Restorer(DiskSink disks, UndoSet undo, AtomicLong doneBytes) {
        this.disks = disks;
        this.undo = undo;
        this.doneBytes = doneBytes;
    }

    /**
     * Does it. Nothing is durable before the disks are flushed.
     *
     * @param from
     *            the newest state that is had with the help of old content and is not after the position
     * @param devices
     *            the disks as they were at the position
     */
    void run(Position from, List<View.Disk> devices) throws IOException {
        for (UndoFile file : undo.from(from)) {
            for (View.Disk device : devices) {
                UndoMap map = file.map(device.index());
                for (int i = 0; i < map.count(); i++) {
                    for (Found found : undo.find(from, device.index(), map.start(i), map.end(i))) {
                        // What an earlier file holds as well has been written with that one.
                        if (found.file() == file) {
                            restore(device, found);
                        }
                    }
                }
            }
        }
    }

    private void restore(View.Disk device, Found found) throws IOException {
        List<Extent> extents = new ArrayList<>();
        BlockDevice then = device.device();
        then.extents(found.from(), found.to() - found.from(),
                (offset, length, zero) -> extents.add(new Extent(offset, length, zero)));
        for (Extent extent : extents) {
            if (extent.zero) {
                disks.zero(device.index(), extent.from, extent.lengthBytes);
                continue;
            }
            for (long at = 0; at < extent.lengthBytes; at += COPY_BYTES) {
                copied.clear().limit((int) Math.min(COPY_BYTES, extent.lengthBytes - at));
                then.read(extent.from + at, copied);
                disks.write(device.index(), extent.from + at, copied.flip());
            }
        }
        doneBytes.addAndGet(found.to() - found.from());
    }

    /** How many bytes would be written, at most. */
    static long bytes(UndoSet undo, Position from) {
        long bytes = 0;
        for (UndoFile file : undo.from(from)) {
            for (Map.Entry<Integer, UndoMap> each : file.maps().entrySet()) {
                for (int i = 0; i < each.getValue().count(); i++) {
                    bytes += each.getValue().lengthBytes(i);
                }
            }
        }
        return bytes;
    }
}

package io.backhaul.mastertarget;

import io.backhaul.mastertarget.Scrubber.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads a base disk back, in the order of its sectors. Of holes only the checksums are looked at. What has no checksum yet gets
 * one; where that is done to the end, the checksums are whole. Of one lane.
 */
final class BasePart implements Scrubber.Part {
    private static final int STEP_BYTES = 1 << 20;
    private static final long FIND_BYTES = 256L << 20;
    /** A byte of checksums stands for so many of a hole. */
    private static final long HOLE_BYTES = SectorSums.SECTOR_BYTES / Integer.BYTES;

    private final BaseDisk disk;
    private final Damages damages;
    private @Nullable ByteBuffer content;
    private long at;

    private record Run(long end, boolean zero) {}

    BasePart(BaseDisk disk, Damages damages) {
        this.disk = disk;
        this.damages = damages;
    }

    @Override
    public Progress next() throws IOException {
        long from = at;
        if (from == disk.sizeBytes()) {
            if (!disk.isKnown()) {
                disk.learnt();
            }
            return Progress.END;
        }
        Run run = run();
        if (run.zero) {
            at = run.end;
            return new Progress(at - from, (at - from) / HOLE_BYTES);
        }
        int length = (int) Math.min(STEP_BYTES, run.end - from);
        read(content().clear().limit(length));
        at = from + length;
        return Progress.of(length);
    }

    private ByteBuffer content() {
        ByteBuffer made = content == null ? ByteBuffer.allocate(STEP_BYTES) : content;
        content = made;
        return made;
    }

    private void read(ByteBuffer sectors) throws IOException {
        disk.readAndCheck(at, sectors).forEach(damages::base);
        if (!disk.isKnown()) {
            disk.learn(at, sectors.flip());
        }
    }

    /** What begins here: a hole, or something. */
    private Run run() throws IOException {
        Run[] first = new Run[1];
        boolean[] ended = new boolean[1];
        disk.extents(at, Math.min(FIND_BYTES, disk.sizeBytes() - at), (offset, lengthBytes, zero) -> {
            if (first[0] == null || (!ended[0] && first[0].zero == zero)) {
                first[0] = new Run(offset + lengthBytes, zero);
            } else {
                ended[0] = true;
            }
        });
        return first[0];
    }
}

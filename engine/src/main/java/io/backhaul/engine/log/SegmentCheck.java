package io.backhaul.engine.log;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.engine.log.Segment.Start;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a segment back, a part at a time and as far as it is synced, and says what of it is not what was written: of its
 * first block every byte, and every frame's header, body and place in the stream. Behind a frame whose length cannot be
 * believed it goes on at the next one that is known to begin somewhere.
 * <p>
 * Used by one thread at a time, which need not be the log's owner. A segment that is trimmed meanwhile has nothing wrong.
 */
public final class SegmentCheck {
    private final SegmentLog log;
    private final Segment segment;
    private int offset;
    private Position position;

    SegmentCheck(SegmentLog log, Segment segment, Start from) {
        this.log = log;
        this.segment = segment;
        this.offset = from.offset();
        this.position = from.before();
    }

    /** The name of the file. */
    public String fileName() {
        return segment.fileName();
    }

    /** How far it has come in the file. */
    public int offset() {
        return offset;
    }

    /** How far it is to go, as it is now. */
    public int end() {
        return segment.synced().end();
    }

    /** Whether nothing is left to be read. */
    public boolean isDone() {
        return offset >= end() || log.isGone(segment);
    }

    /**
     * Reads about so many bytes more, up to the end of a frame.
     *
     * @throws StoreException
     *             where the file cannot be read at all
     */
    public List<SegmentDamage> next(int bytes) throws IOException {
        List<SegmentDamage> found = new ArrayList<>();
        try (SegmentFiles.Lease lease = log.files().acquire(segment.number())) {
            if (offset == 0) {
                header(lease.file(), found);
                offset = SegmentHeader.LENGTH_BYTES;
            }
            frames(lease.file(), (int) Math.min(end(), (long) offset + bytes), found);
            return log.isGone(segment) ? List.of() : found;
        } catch (IOException failed) {
            if (log.isGone(segment)) {
                return List.of();
            }
            throw StoreException.of(failed, "reading " + log.describe(segment));
        }
    }

    private void header(StoredFile file, List<SegmentDamage> found) throws IOException {
        // Once more where it looks damaged: a sync mark may have been written just then.
        String defect = headerDefect(file).isEmpty() ? "" : headerDefect(file);
        if (!defect.isEmpty()) {
            found.add(new SegmentDamage(segment.number(), 0, SegmentHeader.LENGTH_BYTES, segment.before(),
                    segment.before(), null, defect));
        }
    }

    private String headerDefect(StoredFile file) throws IOException {
        ByteBuffer block = ByteBuffer.allocate(SegmentHeader.LENGTH_BYTES);
        file.fill(0, block);
        return segment.header().defect(block.flip().order(ByteOrder.LITTLE_ENDIAN));
    }

    private void frames(StoredFile file, int stop, List<SegmentDamage> found) throws IOException {
        try (FrameReader reader = new FrameReader(log.allocator(), offset)) {
            while (offset < stop) {
                String lost = switch (reader.next(file, end())) {
                    case null -> "the file ends within a frame";
                    case Decoded.Lost gone -> gone.why();
                    case Decoded.Damaged damaged -> damaged(damaged, found);
                    case Decoded.Intact(Frame frame) -> intact(frame);
                };
                if (!lost.isEmpty()) {
                    goOnBehind(segment.lost(offset, position, lost), found);
                    return;
                }
            }
        }
    }

    private String intact(Frame frame) {
        try {
            boolean isNext = Segment.follows(position, frame.first())
                    && frame.machine().equals(segment.header().machine());
            if (isNext) {
                goOn(frame.last(), offset + frame.lengthBytes());
            }
            return isNext ? "" : frame + " of machine " + frame.machine() + " stands behind " + position;
        } finally {
            frame.release();
        }
    }

    private String damaged(Decoded.Damaged frame, List<SegmentDamage> found) {
        if (!Segment.follows(position, frame.first())) {
            return "the body of " + frame.first() + ", behind " + position + ", does not match its checksum";
        }
        goOnBehind(segment.damaged(offset, position, frame), found);
        return "";
    }

    private void goOnBehind(SegmentDamage damage, List<SegmentDamage> found) {
        found.add(damage);
        goOn(damage.upTo(), Math.min(offset + damage.lengthBytes(), end()));
    }

    private void goOn(Position behind, int at) {
        position = behind;
        offset = at;
    }
}

package io.backhaul.engine.log;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Reads a log in order, as far as it is synced, while it grows. Used by one thread at a time, which need not be the log's
 * owner. What the cursor stands at must not be trimmed, and a cursor does not outlive {@link SegmentLog#restartAt}.
 */
public final class LogCursor implements AutoCloseable {
    private final SegmentLog log;
    private final Position after;
    private FrameReader reader;
    private Segment segment;
    private Position position;
    private @Nullable Placement placement;
    private @Nullable SegmentDamage refused;

    LogCursor(SegmentLog log, Segment segment, Position after) {
        this.log = log;
        this.segment = segment;
        this.after = after;
        int offset = segment.seek(after);
        this.reader = new FrameReader(log.allocator(), offset);
        this.position = offset == SegmentHeader.LENGTH_BYTES ? segment.before() : Position.NONE;
    }

    /** The last position of the frame that {@link #next} gave last. */
    public Position position() {
        return position;
    }

    /** Where the frame lies that {@link #next} gave last. */
    public Placement placement() {
        if (placement == null) {
            throw new IllegalStateException("no frame has been given yet");
        }
        return placement;
    }

    /**
     * The next frame, verified and owned by the caller; null at the end of what is synced: ask again later. What is wrong
     * in front of the first frame that is wanted does not matter.
     *
     * @throws StoreException
     *             of kind CORRUPT where a frame does not match its checksum or does not follow the one before
     */
    public @Nullable Frame next() throws IOException {
        while (true) {
            Frame frame = step();
            if (frame == null || frame.last().compareTo(after) > 0) {
                return frame;
            }
            frame.release();
        }
    }

    private @Nullable Frame step() throws IOException {
        while (true) {
            Segment following = log.segmentBehind(segment);
            int limit = segment.synced().end();
            if (reader.offset() < limit) {
                Frame frame = read(limit);
                if (frame != null) {
                    return frame;
                }
                pass();
                continue;
            }
            if (following == null) {
                return null;
            }
            segment = following;
            reader.moveTo(SegmentHeader.LENGTH_BYTES);
        }
    }

    /** The next frame; null where it is damaged, as {@link #refused} then says. */
    private @Nullable Frame read(int limit) throws IOException {
        int offset = reader.offset();
        try (SegmentFiles.Lease lease = log.files().acquire(segment.number())) {
            Decoded decoded = reader.next(lease.file(), limit);
            if (decoded instanceof Decoded.Damaged damaged && follows(damaged.first())) {
                refused = segment.damaged(offset, before(offset), damaged);
                return null;
            }
            if (!(decoded instanceof Decoded.Intact(Frame frame))) {
                refused = segment.lost(offset, before(offset), words(decoded));
                return null;
            }
            if (!follows(frame.first()) || !frame.machine().equals(segment.header().machine())) {
                String what = frame + " of machine " + frame.machine() + " stands behind " + position;
                frame.release();
                refused = segment.lost(offset, before(offset), what);
                return null;
            }
            position = frame.last();
            placement = new Placement(segment.number(), offset, frame.lengthBytes());
            return frame;
        } catch (IOException broken) {
            throw StoreException.of(broken, "reading " + log.describe(segment));
        }
    }

    private static String words(@Nullable Decoded decoded) {
        return switch (decoded) {
            case null -> "a frame reaches beyond the end";
            case Decoded.Damaged damaged -> "the body of " + damaged.first() + " does not match its checksum";
            case Decoded.Lost lost -> lost.why();
            case Decoded.Intact intact -> intact.frame().toString();
        };
    }

    private boolean follows(Position first) {
        return position.equals(Position.NONE) || Segment.follows(position, first);
    }

    private Position before(int offset) {
        return position.equals(Position.NONE) ? segment.startUpTo(offset).before() : position;
    }

    /** Goes on behind what is damaged, where nothing of it is wanted. */
    private void pass() throws StoreException {
        SegmentDamage found = refused;
        if (found == null) {
            return;
        }
        if (!after.isAtLeast(found.upTo())) {
            throw new StoreException(Kind.CORRUPT,
                    log.describe(segment) + " at " + found.offset() + ", behind position "
                            + position + ": " + found.what() + "; check the volume's hardware");
        }
        skip();
    }

    /**
     * Goes on behind what {@link #next} has just refused to give.
     *
     * @return what cannot be read; null where that is not what was wrong
     */
    public @Nullable SegmentDamage skip() {
        SegmentDamage damage = refused;
        if (damage == null) {
            return null;
        }
        refused = null;
        reader.close();
        reader = new FrameReader(log.allocator(),
                Math.min(damage.offset() + damage.lengthBytes(), segment.synced().end()));
        position = damage.upTo();
        return damage;
    }

    @Override
    public void close() {
        reader.close();
    }
}

package io.backhaul.source;

import io.backhaul.engine.time.Clock;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Heeds RESEND: what the master target cannot give back any more becomes pending, and the stream goes through a catch-up of
 * it, or sends it with the one that is under way.
 * <p>
 * A master target asks until it has what it needs, and between the two there may be minutes of lag. Who asks out of a state
 * before the last answer began is told nothing new by another one, so it is not heeded; nor is who asks before the stream has
 * been in order for a while again, or out of a state that never was: so nobody keeps it from being in order. What is asked
 * for beyond the disks is left out. Owned by the session's loop.
 */
final class Resending {
    private static final Logger LOG = LoggerFactory.getLogger(Resending.class);
    private static final long PAUSE_NANOS = 10_000_000_000L;

    private final List<DiskInfo> disks;
    private final ChangeStream stream;
    private final Clock clock;
    private Position answeredFrom = Position.NONE;
    private Position disorderedAt = Position.NONE;
    private boolean underWay;
    private long heededNanos;
    private long bytes;

    Resending(List<DiskInfo> disks, ChangeStream stream, Clock clock) {
        this.disks = disks;
        this.stream = stream;
        this.clock = clock;
        this.heededNanos = clock.nanos() - PAUSE_NANOS;
    }

    /** Makes pending what is asked for, where that is not to be ignored. */
    void heed(Resend resend) {
        Position needing = resend.needing();
        if (underWay || needing.isBefore(answeredFrom) || !stream.captured().isAtLeast(needing)
                || clock.nanos() - heededNanos < PAUSE_NANOS) {
            LOG.debug("{} bytes that {} lacks are not sent again now", resend.bytes(), needing);
            return;
        }
        List<Resend.Extent> ours = resend.extents().stream().filter(this::isOurs).toList();
        boolean wasOrdered = stream.isOrdered();
        Position from = ours.isEmpty() ? null : stream.sendAgain(ours);
        if (from != null) {
            long length = ours.stream().mapToLong(Resend.Extent::lengthBytes).sum();
            LOG.info("{} bytes are read and sent again from {} on: the master target cannot give back what {} needs",
                    length, from, needing);
            underWay = true;
            answeredFrom = from;
            disorderedAt = wasOrdered ? from : Position.NONE;
            heededNanos = clock.nanos();
            bytes += length;
        }
        if (ours.size() < resend.extents().size()) {
            heededNanos = clock.nanos();
            LOG.warn("{} of {} extents that are asked for again lie on no disk here",
                    resend.extents().size() - ours.size(), resend.extents().size());
        }
    }

    /** What differs without anybody's asking is sent again; false where nothing can be put into the stream. */
    boolean heal(List<Resend.Extent> differing) {
        Position from = stream.sendAgain(differing);
        if (from != null) {
            underWay = true;
            disorderedAt = from;
        }
        return from != null;
    }

    private boolean isOurs(Resend.Extent extent) {
        return extent.disk() < disks.size() && extent.end() <= disks.get(extent.disk()).sizeBytes();
    }

    /** The stream is in order again. */
    void ordered() {
        heededNanos = underWay ? clock.nanos() : heededNanos;
        underWay = false;
    }

    /** Whether the order was given up for it at this position. */
    boolean hasDisordered(Position position) {
        return position.equals(disorderedAt);
    }

    /** What was asked for and heeded since the start. */
    long bytes() {
        return bytes;
    }
}

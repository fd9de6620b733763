package io.backhaul.source;

import java.util.ArrayList;
import java.util.List;

/**
 * A stretch that is being read for a baseline or catch-up, and what was written to it meanwhile. Guarded by the lock of
 * {@link ChangeStream}, which makes it and gets it back exactly once.
 */
final class Registration {
    private final int disk;
    private final DirtyMap.Stretch stretch;
    private final int ticket;
    private final long from;
    private final List<long[]> touched = new ArrayList<>();
    private boolean stale;

    /**
     * @param from
     *            by {@link Observation#head}: a write with a lower number is older than what will be read
     */
    Registration(int disk, DirtyMap.Stretch stretch, int ticket, long from) {
        this.disk = disk;
        this.stretch = stretch;
        this.ticket = ticket;
        this.from = from;
    }

    int disk() {
        return disk;
    }

    DirtyMap.Stretch stretch() {
        return stretch;
    }

    int ticket() {
        return ticket;
    }

    /** The stream has begun anew: what was read is worth nothing any more. */
    void expire() {
        stale = true;
    }

    boolean isStale() {
        return stale;
    }

    /** A write has been appended or dropped. */
    void touch(int writtenDisk, long offset, long lengthBytes, long at) {
        long end = stretch.offset() + stretch.lengthBytes();
        if (at >= from && writtenDisk == disk && offset < end && offset + lengthBytes > stretch.offset()) {
            touched.add(new long[]{Math.max(offset, stretch.offset()), Math.min(offset + lengthBytes, end)});
        }
    }

    boolean isUntouched() {
        return touched.isEmpty();
    }

    /** What of the pieces has not been touched. */
    List<Piece> untouched(List<Piece> pieces) {
        List<Piece> left = new ArrayList<>(pieces);
        for (long[] range : touched) {
            List<Piece> next = new ArrayList<>();
            for (Piece piece : left) {
                if (range[0] >= piece.end() || range[1] <= piece.offset()) {
                    next.add(piece);
                    continue;
                }
                if (range[0] > piece.offset()) {
                    next.add(piece.part(piece.offset(), range[0]));
                }
                if (range[1] < piece.end()) {
                    next.add(piece.part(range[1], piece.end()));
                }
            }
            left = next;
        }
        return left;
    }
}

package io.backhaul.mastertarget;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is on top where several sources lie over each other, the newest first: again pieces in rising order without overlaps.
 * Holds one piece of each source, and so takes no memory for what it merges.
 */
final class PieceMerge implements Piece.Source {
    private final List<Head> heads = new ArrayList<>();
    private int disk;
    private long at;

    /** The next piece of one source. */
    private static final class Head {
        private final Piece.Source source;
        private @Nullable Piece piece;

        Head(Piece.Source source) throws IOException {
            this.source = source;
            this.piece = source.next();
        }

        /** Passes what ends at or before the place. */
        @Nullable
        Piece from(int disk, long offset) throws IOException {
            Piece held = piece;
            while (held != null && (held.disk() < disk || (held.disk() == disk && held.end() <= offset))) {
                held = source.next();
            }
            piece = held;
            return held;
        }
    }

    PieceMerge(List<Piece.Source> newestFirst) throws IOException {
        for (Piece.Source source : newestFirst) {
            heads.add(new Head(source));
        }
    }

    @Override
    public @Nullable Piece next() throws IOException {
        Piece top = null;
        Piece following = null;
        for (Head head : heads) {
            Piece piece = head.from(disk, at);
            if (piece == null) {
                continue;
            }
            if (top == null && !piece.isBefore(disk, at + 1)) {
                following = earlier(following, piece);
            } else if (top == null) {
                top = piece;
            }
        }
        if (top == null) {
            return following == null ? null : goTo(following);
        }
        long end = following != null && following.disk() == disk ? Math.min(top.end(), following.start()) : top.end();
        Piece part = top.cut(at, end);
        at = end;
        return part;
    }

    /** Nothing lies here: goes on where the next piece begins. */
    private @Nullable Piece goTo(Piece following) throws IOException {
        disk = following.disk();
        at = following.start();
        return next();
    }

    private static Piece earlier(@Nullable Piece one, Piece other) {
        return one == null || other.isBefore(one.disk(), one.start()) ? other : one;
    }
}

package io.backhaul.processserver;

import io.backhaul.engine.log.LogCursor;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads a spool ahead of the target, on a lane of its own, a bounded number of bytes at a time, and fewer where memory is
 * short, but one frame at least. Owned by the machine's
 * loop; a cursor belongs to the lane.
 */
final class SpoolReader {
    private static final long FETCH_BYTES = 2L << 20;
    private static final long AHEAD_BYTES = 4L << 20;

    /** Who waits for frames. All on the loop. */
    interface Reader {
        /** Frames have come. */
        void fetched();

        /** The frame behind {@code position} cannot be read. */
        void unreadable(Position position, StoreException cause);
    }

    /** What a work on the lane brings back; the frames before a failure are good. */
    private record Fetch(List<Frame> frames, @Nullable IOException failure) {}

    private final Loop loop;
    private final Lane lane;
    private final Reader reader;
    private final FrameMemory.Share memory;
    private final ArrayDeque<Frame> ahead = new ArrayDeque<>();
    private @Nullable Session session;
    private Position position = Position.NONE;
    private long aheadBytes;
    private boolean fetching;
    private @Nullable StoreException failure;

    /** One run of reading, from a position on. The cursor is made and used on the lane. */
    private static final class Session {
        private final SegmentLog log;
        private Position next;
        private @Nullable LogCursor cursor;

        Session(SegmentLog log, Position start) {
            this.log = log;
            this.next = start;
        }

        Fetch fetch(long maxBytes) {
            List<Frame> frames = new ArrayList<>();
            try {
                LogCursor open = cursor == null ? log.cursor(next) : cursor;
                cursor = open;
                long bytes = 0;
                Frame frame = open.next();
                while (frame != null) {
                    frames.add(frame);
                    next = frame.last();
                    bytes += frame.lengthBytes();
                    frame = bytes < maxBytes ? open.next() : null;
                }
                return new Fetch(frames, null);
            } catch (IOException failed) {
                close();
                return new Fetch(frames, failed);
            }
        }

        void close() {
            if (cursor != null) {
                cursor.close();
                cursor = null;
            }
        }
    }

    SpoolReader(Loop loop, Lane lane, FrameMemory.Share memory, Reader reader) {
        this.loop = loop;
        this.lane = lane;
        this.memory = memory;
        this.reader = reader;
    }

    /** The frame behind {@code after} where it has been read already, owned by the caller; else null. */
    @Nullable
    Frame poll(Position after, Position durable) {
        if (session == null || !position.equals(after) || ahead.isEmpty()
                || ahead.getFirst().last().compareTo(durable) > 0) {
            return null;
        }
        Frame frame = ahead.removeFirst();
        grow(-frame.lengthBytes());
        position = frame.last();
        return frame;
    }

    /** Makes sure that what lies behind {@code after} is being read, if it is not read already. */
    void want(SegmentLog log, Position after) {
        if (session == null || !position.equals(after)) {
            reset();
            session = new Session(log, after);
            position = after;
        }
        fetch();
    }

    /** Reads on where there is room; called after {@link #poll} has made some. */
    void fetch() {
        Session current = session;
        if (failure != null && ahead.isEmpty()) {
            StoreException cause = failure;
            Position at = position;
            reset();
            loop.execute(() -> reader.unreadable(at, cause));
            return;
        }
        long allowed = memory.allowedBytes();
        boolean isAhead = !ahead.isEmpty() && aheadBytes > Math.min(AHEAD_BYTES - FETCH_BYTES, allowed / 2);
        if (current == null || failure != null || fetching || isAhead) {
            return;
        }
        fetching = true;
        long bytes = Math.min(FETCH_BYTES, allowed / 2);
        lane.submit(() -> current.fetch(bytes), loop, new Lane.Outcome<Fetch>() {
            @Override
            public void done(Fetch fetch) {
                fetching = false;
                arrived(current, fetch);
            }

            @Override
            public void failed(IOException cause) {
                fetching = false;
                arrived(current, new Fetch(List.of(), cause));
            }
        });
    }

    private void arrived(Session from, Fetch fetch) {
        if (!from.equals(session)) {
            fetch.frames().forEach(Frame::release);
            fetch();
            return;
        }
        for (Frame frame : fetch.frames()) {
            ahead.add(frame);
            grow(frame.lengthBytes());
        }
        IOException failed = fetch.failure();
        failure = failed == null ? null : StoreException.of(failed, "reading the spool");
        if (!fetch.frames().isEmpty()) {
            reader.fetched();
        } else if (failure != null) {
            fetch();
        }
    }

    private void grow(long bytes) {
        aheadBytes += bytes;
        memory.take(bytes);
    }

    /** Forgets what was read ahead. */
    void reset() {
        Session old = session;
        session = null;
        failure = null;
        ahead.forEach(Frame::release);
        ahead.clear();
        grow(-aheadBytes);
        if (old != null) {
            lane.submit(() -> {
                old.close();
                return old;
            }, loop, new Lane.Outcome<Session>() {
                @Override
                public void done(Session closed) {
                    // Nothing waits for it.
                }

                @Override
                public void failed(IOException cause) {
                    // A lane that takes no more work ends with the process.
                }
            });
        }
    }
}

package io.backhaul.engine.log;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The loop's side of a {@link SegmentLog}: group commit. Frames that come while a commit runs on the lane are collected
 * and written with the next one: one write and one sync for all of them.
 * <p>
 * Owned by its loop; the log is touched on the lane only. The writer owns a frame from {@link #append} until it hands it
 * to the {@link Taker}. How much may wait is bounded by whoever gives credit for frames. When a commit fails, the listener
 * is told, nothing is acknowledged, and the same frames are tried again with growing waits until it works: frames are
 * neither lost nor written twice, because a failed append leaves the log where it was.
 */
public final class LogWriter {
    private static final long MAX_COMMIT_BYTES = 8L << 20;
    private static final int MAX_COMMIT_FRAMES = 512;
    private static final long FIRST_RETRY_NANOS = 50_000_000L;
    private static final long LAST_RETRY_NANOS = 2_000_000_000L;

    /** Who gets a frame back. */
    public interface Taker {
        /** The frame is durable; the taker owns it. Called in the order of positions. */
        void durable(Frame frame, Placement at);

        /** The frame was given up before it was written; the taker owns it. */
        void abandoned(Frame frame);
    }

    /** Who is told of the state of the store. */
    public interface Listener {
        /** A commit has succeeded and all its frames have been handed out. */
        void committed(Position durable);

        /** A commit failed; called for each failed try. */
        void faulted(StoreException cause);

        /** A commit succeeded after failures. */
        void mended();
    }

    /** Whether the log may grow, beyond what the volume itself allows. */
    @FunctionalInterface
    public interface Quota {
        /** Null where the log may grow by so many bytes; else why not, of kind FULL. */
        @Nullable
        StoreException refuse(long bytes);
    }

    private record Pending(Frame frame, Taker taker) {}

    private final Loop loop;
    private final Lane lane;
    private final SegmentLog log;
    private final Quota quota;
    private final Listener listener;
    private final ArrayDeque<Pending> waiting = new ArrayDeque<>();
    private final Queue<Runnable> settled = new ArrayDeque<>();
    private List<Pending> committing = List.of();
    private Position accepted;
    private Position durable;
    private final long maxCommitBytes;
    private long commitBytes;
    private long waitingBytes;
    private int failures;
    private @Nullable StoreException fault;
    private Loop.@Nullable Timer retry;
    private boolean busy;
    private boolean restarting;
    private boolean closed;

    /** @param log open, with everything in it synced; the lane owns it from now on */
    public LogWriter(Loop loop, Lane lane, SegmentLog log, Quota quota, Listener listener) {
        this.loop = loop;
        this.lane = lane;
        this.log = log;
        this.quota = quota;
        this.listener = listener;
        this.accepted = log.last();
        this.durable = log.last();
        this.maxCommitBytes = Math.min(MAX_COMMIT_BYTES, log.segmentBytes());
        this.commitBytes = maxCommitBytes;
    }

    /** Takes a frame over, which must follow {@link #accepted}; the taker gets it back. */
    public void append(Frame frame, Taker taker) {
        if (closed || restarting) {
            taker.abandoned(frame);
            return;
        }
        accepted = frame.last();
        waiting.add(new Pending(frame, taker));
        waitingBytes += frame.lengthBytes();
        if (retry == null) {
            commit();
        }
    }

    /** The last position appended, durable or not. */
    public Position accepted() {
        return accepted;
    }

    /** The last position that is durable. */
    public Position durable() {
        return durable;
    }

    /** Bytes that are appended and not yet durable. */
    public long waitingBytes() {
        return waitingBytes;
    }

    /** Why commits fail at present; null where they do not. */
    public @Nullable StoreException fault() {
        return fault;
    }

    /** Runs the task once nothing waits to become durable: at once where that is so. */
    public void whenSettled(Runnable task) {
        if (isSettled()) {
            task.run();
        } else {
            settled.add(task);
        }
    }

    /** Whether nothing waits to become durable. */
    public boolean isSettled() {
        return !busy && !restarting && waiting.isEmpty() && committing.isEmpty();
    }

    /** Gives up the frames that no commit has begun with; {@link #accepted} goes back accordingly. */
    public void abandon() {
        if (!busy) {
            takeBack();
        }
        List<Pending> given = new ArrayList<>(waiting);
        waiting.clear();
        accepted = committing.isEmpty() ? durable : committing.getLast().frame().last();
        for (Pending each : given) {
            waitingBytes -= each.frame().lengthBytes();
            each.taker().abandoned(each.frame());
        }
        settle();
    }

    private void takeBack() {
        for (Pending each : committing.reversed()) {
            waiting.addFirst(each);
        }
        committing = List.of();
    }

    /** Tries again at once after a failure: room may have been made. */
    public void tryAgain() {
        if (retry != null) {
            retry.cancel();
            retry = null;
            commit();
        }
    }

    /**
     * Gives up everything, what is durable too, and begins anew behind {@code before}. Tried until it works.
     *
     * @param done
     *            runs when the log is empty
     */
    public void restartAt(Position before, Runnable done) {
        abandon();
        restarting = true;
        lane.submit(() -> {
            log.restartAt(before);
            return before;
        }, loop, new Lane.Outcome<Position>() {
            @Override
            public void done(Position at) {
                if (!closed) {
                    dropRetried();
                    restarting = false;
                    accepted = at;
                    durable = at;
                    succeeded();
                    done.run();
                    settle();
                }
            }

            @Override
            public void failed(IOException cause) {
                if (!closed) {
                    StoreException why = StoreException.of(cause, "beginning anew in " + log.describe());
                    fault = why;
                    listener.faulted(why);
                    loop.schedule(LAST_RETRY_NANOS, () -> {
                        if (!closed) {
                            restartAt(before, done);
                        }
                    });
                }
            }
        });
    }

    /** What a commit that failed meanwhile has left. */
    private void dropRetried() {
        takeBack();
        List<Pending> given = new ArrayList<>(waiting);
        waiting.clear();
        for (Pending each : given) {
            waitingBytes -= each.frame().lengthBytes();
            each.taker().abandoned(each.frame());
        }
    }

    private void commit() {
        if (busy || closed || restarting) {
            return;
        }
        if (committing.isEmpty()) {
            committing = gather();
        }
        if (committing.isEmpty()) {
            return;
        }
        List<Frame> frames = committing.stream().map(Pending::frame).toList();
        StoreException refused = quota.refuse(frames.stream().mapToLong(Frame::lengthBytes).sum());
        if (refused != null) {
            failed(refused);
            return;
        }
        busy = true;
        lane.submit(() -> {
            List<Placement> placements = log.append(frames);
            log.sync();
            return placements;
        }, loop, new Lane.Outcome<List<Placement>>() {
            @Override
            public void done(List<Placement> placements) {
                busy = false;
                committed(placements);
            }

            @Override
            public void failed(IOException cause) {
                busy = false;
                LogWriter.this.failed(StoreException.of(cause, "writing " + log.describe()));
            }
        });
    }

    private List<Pending> gather() {
        List<Pending> batch = new ArrayList<>();
        long bytes = 0;
        while (!waiting.isEmpty() && bytes < commitBytes && batch.size() < MAX_COMMIT_FRAMES) {
            Pending next = waiting.remove();
            bytes += next.frame().lengthBytes();
            batch.add(next);
        }
        return batch;
    }

    private void committed(List<Placement> placements) {
        List<Pending> done = committing;
        committing = List.of();
        commitBytes = Math.min(maxCommitBytes, 2 * commitBytes);
        durable = done.getLast().frame().last();
        for (int i = 0; i < done.size(); i++) {
            Pending each = done.get(i);
            waitingBytes -= each.frame().lengthBytes();
            each.taker().durable(each.frame(), placements.get(i));
        }
        if (!closed) {
            succeeded();
            listener.committed(durable);
            commit();
            settle();
        }
    }

    private void succeeded() {
        failures = 0;
        if (fault != null) {
            fault = null;
            listener.mended();
        }
    }

    private void failed(StoreException cause) {
        if (closed) {
            dropRetried();
            return;
        }
        fault = cause;
        if (cause.kind() == StoreException.Kind.FULL) {
            // Less may still fit.
            commitBytes = Math.max(1, commitBytes / 4);
            takeBack();
        }
        long wait = Math.min(LAST_RETRY_NANOS, FIRST_RETRY_NANOS << Math.min(failures++, 20));
        if (!restarting) {
            retry = loop.schedule(wait, () -> {
                retry = null;
                commit();
            });
        }
        listener.faulted(cause);
    }

    private void settle() {
        while (isSettled() && !settled.isEmpty()) {
            settled.remove().run();
        }
    }

    /** Stops: gives up what no commit has begun with. A commit that runs ends, and hands its frames out. */
    public void close() {
        closed = true;
        if (retry != null) {
            retry.cancel();
            retry = null;
        }
        settled.clear();
        abandon();
    }
}

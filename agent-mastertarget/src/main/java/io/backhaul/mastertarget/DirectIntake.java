package io.backhaul.mastertarget;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.mastertarget.Checkpoint.Base;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Puts the stream straight into the base disks: of a machine that has no recovery points yet, so that there is nothing to
 * keep. Frames are written as they come; what they have changed is flushed and checkpointed in groups, and only that
 * counts as journaled. After a crash or a failure the stream is taken up again at the checkpoint: writing it again changes
 * nothing.
 * <p>
 * Owned by the machine's loop; owns the frames it was given until they are written.
 */
final class DirectIntake {
    static final long COMMIT_BYTES = 64L << 20;
    static final long COMMIT_NANOS = 200_000_000L;
    private static final long MAX_UNCOMMITTED_BYTES = 4 * COMMIT_BYTES;
    private static final long BATCH_BYTES = 8L << 20;

    private record Arrived(Frame frame, Runnable released) {}

    private final Replica replica;
    private final Lane flushLane;
    private final Runnable progressed;
    private final Consumer<IOException> failed;
    private final ArrayDeque<Arrived> queue = new ArrayDeque<>();
    private Base applied;
    private long uncommittedBytes;
    private boolean busy;
    private boolean committing;
    private @Nullable IOException failure;
    private boolean due;
    private Loop.@Nullable Timer timer;

    /**
     * @param flushLane
     *            where the disks are flushed, while more is written
     * @param progressed
     *            runs when frames have been applied or committed
     * @param failed
     *            is told when what was applied since the last commit is lost, with everything that was queued
     */
    DirectIntake(Replica replica, Lane flushLane, Runnable progressed, Consumer<IOException> failed) {
        this.replica = replica;
        this.flushLane = flushLane;
        this.progressed = progressed;
        this.failed = failed;
        this.applied = replica.checkpoint().base();
    }

    void append(Frame frame, Runnable released) {
        queue.add(new Arrived(frame, released));
        pump();
    }

    /** The last position that can be read from the base disks. */
    Position applied() {
        return applied.position();
    }

    Fidelity fidelity() {
        return applied.fidelity();
    }

    /** Whether everything that came is durable. */
    boolean isSettled() {
        return !busy && !committing && failure == null && queue.isEmpty() && !isAhead();
    }

    /** Whether something was applied that no checkpoint tells of. Once the journal has taken over, folding is ahead. */
    private boolean isAhead() {
        return replica.base().isBefore(applied.position());
    }

    /** Makes durable what came, without waiting for more. */
    void commitSoon() {
        due = true;
        pump();
    }

    private void pump() {
        if (failure != null) {
            giveUp();
            return;
        }
        boolean dirty = isAhead();
        boolean isDue = uncommittedBytes >= COMMIT_BYTES || (due && queue.isEmpty() && !busy);
        if (!committing && dirty && isDue) {
            commit();
        }
        if (!busy && !queue.isEmpty() && uncommittedBytes < MAX_UNCOMMITTED_BYTES) {
            apply();
        }
        if (dirty && timer == null) {
            timer = replica.loop().schedule(COMMIT_NANOS, () -> {
                timer = null;
                commitSoon();
            });
        }
    }

    private void apply() {
        List<Arrived> batch = new ArrayList<>();
        long bytes = 0;
        while (!queue.isEmpty() && bytes < BATCH_BYTES) {
            Arrived next = queue.remove();
            bytes += next.frame.lengthBytes() + next.frame.plainLengthBytes();
            batch.add(next);
        }
        long batchBytes = bytes;
        BaseSet disks = replica.disks();
        Base after = after(batch);
        busy = true;
        replica.store().submit(() -> {
            disks.mend();
            for (Arrived each : batch) {
                BaseWriter.apply(each.frame, disks);
            }
            return after;
        }, replica.loop(), new Lane.Outcome<Base>() {
            @Override
            public void done(Base now) {
                busy = false;
                release(batch);
                if (failure == null) {
                    applied = now;
                    uncommittedBytes += batchBytes;
                    progressed.run();
                }
                pump();
            }

            @Override
            public void failed(IOException cause) {
                busy = false;
                release(batch);
                failure = cause;
                pump();
            }
        });
    }

    /** What the base disks are worth behind a batch. */
    private Base after(List<Arrived> batch) {
        Fidelity fidelity = applied.fidelity();
        for (Arrived each : batch) {
            try {
                switch (each.frame.type()) {
                    case GENERATION -> fidelity = GenerationStart.read(each.frame).fidelity();
                    case FIDELITY -> fidelity = FidelityChange.read(each.frame).fidelity();
                    default -> {
                        // says nothing of fidelity
                    }
                }
            } catch (MalformedBodyException checkedBefore) {
                throw new IllegalStateException(checkedBefore);
            }
        }
        Frame last = batch.getLast().frame;
        return new Base(last.last(), fidelity, last.timeMicros());
    }

    private void commit() {
        committing = true;
        due = false;
        Base committed = applied;
        long bytes = uncommittedBytes;
        BaseSet disks = replica.disks();
        flushLane.submit(() -> {
            disks.flush();
            return disks;
        }, replica.loop(), new Lane.Outcome<BaseSet>() {
            @Override
            public void done(BaseSet flushed) {
                replica.save(Replica.Step.NOTHING, was -> was.withBase(committed), this::failed, () -> {
                    committing = false;
                    uncommittedBytes -= bytes;
                    progressed.run();
                    pump();
                });
            }

            @Override
            public void failed(IOException cause) {
                committing = false;
                failure = cause;
                pump();
            }
        });
    }

    /**
     * Goes back to the checkpoint, once nothing is under way any more: a commit that still landed would vouch for disks that
     * are written from an older position on again.
     */
    private void giveUp() {
        IOException cause = failure;
        if (cause == null || busy || committing) {
            return;
        }
        failure = null;
        List<Arrived> lost = new ArrayList<>(queue);
        queue.clear();
        release(lost);
        applied = replica.checkpoint().base();
        uncommittedBytes = 0;
        due = false;
        failed.accept(cause);
    }

    private static void release(List<Arrived> frames) {
        for (Arrived each : frames) {
            each.frame.release();
            each.released.run();
        }
    }

    /** Gives up what has not been written yet. */
    void close() {
        if (timer != null) {
            timer.cancel();
        }
        release(new ArrayList<>(queue));
        queue.clear();
    }
}

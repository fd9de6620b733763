package io.backhaul.mastertarget;

import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.mastertarget.Checkpoint.Base;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Moves the base disks on: to where the retention policy wants them, or to the point that is being promoted.
 * <p>
 * Before the first byte is written the intention is durable: from then on no point before the target is offered, also
 * after a crash, because the disks may stand anywhere in between. A fold that failed or was cut off is done again from the
 * last checkpoint. Then the disks are flushed, the checkpoint says where they stand, and the journal is trimmed.
 * <p>
 * Owned by the machine's loop; disks are written on the fold lane and flushed on the view lane, so that following the
 * newest point does not stand still for a flush.
 */
final class Folding {
    private static final long COMMIT_NANOS = 1_000_000_000L;
    private static final long RETRY_NANOS = 1_000_000_000L;
    private static final long LOOK_NANOS = 5_000_000_000L;

    /** Who is told. */
    interface Listener {
        /** The base stands elsewhere, or the journal has become shorter. */
        void folded();

        void faulted(StoreException cause);
    }

    /** A position that must be reached exactly, and what to do then. */
    record Goal(Position position, Runnable reached) {}

    private final Replica replica;
    private final Lane lane;
    private final Lane flushLane;
    private final Intake intake;
    private final Listener listener;
    private final AtomicLong doneBytes = new AtomicLong();
    private final AtomicLong totalBytes = new AtomicLong();
    private RetentionPolicy policy;
    private Position applied;
    private Position floor;
    private @Nullable Goal goal;
    private boolean awaitingGoal;
    private @Nullable Runnable finishing;
    private boolean running;
    private boolean committing;
    private boolean redo;
    private boolean paused;
    private boolean closed;
    private boolean urgent;
    private boolean mayHaveStopped;
    private long committedNanos;
    private Loop.@Nullable Timer timer;

    Folding(Replica replica, MasterTargetMachine.Lanes lanes, Intake intake, RetentionPolicy policy,
            Listener listener) {
        this.replica = replica;
        this.lane = lanes.fold();
        this.flushLane = lanes.view();
        this.intake = intake;
        this.policy = policy;
        this.listener = listener;
        this.applied = replica.base();
        Checkpoint checkpoint = replica.checkpoint();
        Position begun = checkpoint.following() && !checkpoint.promotion().isFence() ? replica.timeline().newest()
                : checkpoint.foldTarget();
        this.floor = applied.max(begun);
        this.committedNanos = replica.loop().clock().nanos();
    }

    /** What may be opened at the oldest. */
    Position floor() {
        return replica.checkpoint().direct() ? Position.NONE : floor.max(replica.base());
    }

    /** What the base disks hold completely, durable or not. */
    Position applied() {
        return applied.max(replica.base());
    }

    long doneBytes() {
        return doneBytes.get();
    }

    long totalBytes() {
        return totalBytes.get();
    }

    boolean isRunning() {
        return running;
    }

    RetentionPolicy policy() {
        return policy;
    }

    void changePolicy(RetentionPolicy next) {
        policy = next;
        consider();
    }

    /** The volume is full: the window must shrink now. */
    void hurry() {
        urgent = true;
        consider();
    }

    void relax() {
        urgent = false;
    }

    /** A goal will be given: until then nothing more is folded, as it might go beyond. */
    void awaitGoal() {
        awaitingGoal = true;
    }

    /** From now on the base goes to this position and nowhere else. */
    void aim(Goal to) {
        awaitingGoal = false;
        goal = to;
        floor = floor.max(to.position());
        consider();
    }

    /** Brings the base to where it is wanted if that is close to the newest point, makes that durable, and runs the task. */
    void finish(Runnable task) {
        finishing = task;
        consider();
    }

    /** Looks whether there is something to do. */
    void consider() {
        if (paused || closed) {
            return;
        }
        if (!replica.checkpoint().direct()) {
            applied = applied();
            if (!running && !awaitingGoal) {
                foldOn();
            }
            if (!committing && replica.base().isBefore(applied) && isCommitDue()) {
                flush();
            }
        }
        if (!running && !committing && !paused) {
            rest();
        }
    }

    private void foldOn() {
        Goal aim = goal;
        boolean stays = finishing != null && policy.base() == Stand.OLDEST;
        Position target = aim != null ? aim.position()
                : stays ? applied : replica.pins().foldLimit(wanted());
        if (applied.isBefore(target)) {
            begin(target);
        }
    }

    private boolean isCommitDue() {
        boolean group = goal == null && finishing == null && policy.base() == Stand.NEWEST;
        return !group || replica.loop().clock().nanos() - committedNanos >= COMMIT_NANOS;
    }

    /** Nothing is under way. */
    private void rest() {
        Goal aim = goal;
        Runnable finished = finishing;
        boolean dirty = replica.base().isBefore(applied);
        if (aim != null && !dirty && finished == null) {
            closed = true;
            aim.reached().run();
        } else if (finished != null && !dirty) {
            finishing = null;
            closed = true;
            finished.run();
        } else {
            lookAgain(dirty ? COMMIT_NANOS : LOOK_NANOS);
        }
    }

    private void lookAgain(long nanos) {
        if (timer == null) {
            timer = replica.loop().schedule(nanos, () -> {
                timer = null;
                consider();
            });
        }
    }

    private Position wanted() {
        Position newest = replica.timeline().newest();
        Checkpoint checkpoint = replica.checkpoint();
        Position begun = checkpoint.following() ? floor.max(checkpoint.foldTarget()) : checkpoint.foldTarget();
        if (policy.base() == Stand.NEWEST) {
            return newest.max(begun);
        }
        Position wanted = begun.max(retention().min(newest));
        return urgent ? wanted.max(emergency(newest)) : wanted;
    }

    /** What the policy no longer keeps, in whole segments. */
    private Position retention() {
        long cutMicros = replica.loop().clock().wallMicros() - policy.time().toNanos() / 1000;
        Position old = replica.index().lastWholeSegmentUpTo(cutMicros);
        long excess = replica.log().sizeBytes() - policy.bytes();
        return excess > 0 ? old.max(replica.index().lastOfOldest(excess)) : old;
    }

    /** The older half of the journal; where no point would be left in it, all points but the newest, or all. */
    private Position emergency(Position newest) {
        Position half = replica.index().lastOfOldest(replica.log().sizeBytes() / 2).min(newest);
        if (applied.isBefore(half)) {
            return half;
        }
        return applied.isBefore(newest) ? newest : intake.journaled();
    }

    private void begin(Position target) {
        running = true;
        floor = floor.max(target);
        Checkpoint checkpoint = replica.checkpoint();
        boolean follow = goal == null && policy.base() == Stand.NEWEST;
        if (follow ? checkpoint.following() && !mayHaveStopped : checkpoint.foldTarget().isAtLeast(target)) {
            fold(target);
            return;
        }
        replica.save(Replica.Step.NOTHING,
                was -> follow ? was.withFollowing(true) : was.withFoldTarget(target), cause -> {
                    running = false;
                    failed(cause);
                },
                () -> {
                    mayHaveStopped &= !follow;
                    fold(target);
                });
    }

    private void fold(Position target) {
        List<Folder.Step> steps = steps(target);
        BaseSet disks = replica.disks();
        doneBytes.set(0);
        totalBytes.set(0);
        redo = false;
        lane.submit(() -> {
            new Folder(disks, replica.payloads(), new Folder.Counts(doneBytes, totalBytes)).run(steps);
            return steps.getLast().own().lastMicros();
        }, replica.loop(), new Lane.Outcome<Long>() {
            @Override
            public void done(Long timeMicros) {
                running = false;
                replica.index().noteTime(target, timeMicros);
                applied = redo ? replica.base() : target;
                listener.folded();
                consider();
            }

            @Override
            public void failed(IOException cause) {
                running = false;
                Folding.this.failed(cause);
            }
        });
    }

    private List<Folder.Step> steps(Position target) {
        List<Folder.Step> steps = new ArrayList<>();
        Position from = applied;
        for (Position to : replica.index().cuts(applied, target, Folder.STEP_EXTENTS)) {
            steps.add(new Folder.Step(replica.index().exactly(from, to), replica.index().stretch(to, target)));
            from = to;
        }
        return steps;
    }

    /** Makes durable what has been folded; the next fold may begin meanwhile. */
    private void flush() {
        committing = true;
        Position reached = applied;
        BaseSet disks = replica.disks();
        flushLane.submit(() -> {
            disks.flush();
            return disks;
        }, replica.loop(), new Lane.Outcome<BaseSet>() {
            @Override
            public void done(BaseSet flushed) {
                commit(reached);
            }

            @Override
            public void failed(IOException cause) {
                notCommitted(cause);
            }
        });
    }

    private void commit(Position reached) {
        long timeMicros = replica.index().timeAt(reached, replica.checkpoint().base().timeMicros());
        Base base = replica.timeline().baseAt(reached, timeMicros);
        boolean follows = goal == null && policy.base() == Stand.NEWEST;
        boolean stops = !follows && reached.isAtLeast(floor);
        // From here on the file may say so, even where saving fails.
        mayHaveStopped |= stops;
        replica.save(Replica.Step.NOTHING, was -> was.withBase(base).withFollowing(was.following() && !stops),
                this::notCommitted, this::committed);
    }

    private void committed() {
        committedNanos = replica.loop().clock().nanos();
        replica.timeline().trimTo(replica.base());
        replica.trim(this::notCommitted, () -> {
            committing = false;
            listener.folded();
            consider();
        });
    }

    private void notCommitted(IOException cause) {
        committing = false;
        redo = true;
        failed(cause);
    }

    private void failed(IOException cause) {
        applied = replica.base();
        listener.faulted(StoreException.of(cause, "folding"));
        if (!closed && !paused) {
            paused = true;
            replica.loop().schedule(RETRY_NANOS, () -> {
                paused = false;
                consider();
            });
        }
    }

    void close() {
        closed = true;
        if (timer != null) {
            timer.cancel();
        }
    }
}

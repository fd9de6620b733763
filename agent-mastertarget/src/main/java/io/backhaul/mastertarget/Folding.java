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
 * Moves the base disks: to where the retention policy wants them, or to the point that is being promoted.
 * <p>
 * Before the first byte is written the intention is durable. Where the base follows the newest point, what is overwritten is
 * saved before, and every older point of the window stays; a window becomes shorter by whole files of what was saved. Where it
 * does not, no point before the target is offered from then on, also after a crash, because the disks may stand anywhere in
 * between; that happens only when there is no old content left. A fold that failed or was cut off is done again from the last
 * checkpoint. Then the disks are flushed, the checkpoint says where they stand, and the journal is trimmed.
 * <p>
 * Owned by the machine's loop; disks are written on the fold lane and flushed on the view lane, so that following the
 * newest point does not stand still for a flush.
 */
final class Folding {
    private static final long COMMIT_NANOS = 1_000_000_000L;
    private static final long RETRY_NANOS = 1_000_000_000L;
    private static final long LOOK_NANOS = 5_000_000_000L;
    private static final long FOLLOW_NANOS = 1_000_000_000L;
    /** Of so many files of old content a window consists. */
    private static final int UNDO_FILES = 8;
    private static final int MAX_UNDO_FILES = 64;

    /** Who is told. */
    interface Listener {
        /** The base stands elsewhere, or the journal has become shorter. */
        void folded();

        void faulted(StoreException cause);
    }

    /**
     * A position that must be reached exactly, and what to do then.
     *
     * @param keeps
     *            whether what is overwritten is saved, so that every other point of the window stays
     */
    record Goal(Position position, boolean keeps, Runnable reached) {}

    private final Replica replica;
    private final Lane lane;
    private final Lane flushLane;
    private final Intake intake;
    private final Listener listener;
    private final AtomicLong doneBytes = new AtomicLong();
    private final AtomicLong totalBytes = new AtomicLong();
    private final AtomicLong checkedBytes = new AtomicLong();
    private final FoldRate rate = new FoldRate();
    private final FoldPause pause = new FoldPause();
    private RetentionPolicy policy;
    private Position applied;
    private Position reach;
    private @Nullable Goal goal;
    private boolean awaitingGoal;
    private @Nullable Runnable preparing;
    private @Nullable Runnable finishing;
    private boolean running;
    private boolean committing;
    private boolean redo;
    private boolean paused;
    private boolean closed;
    private boolean urgent;
    private boolean mayHaveStopped;
    private boolean barrier;
    private long committedNanos;
    private long foldedNanos;
    private long heldUntilNanos;
    private long timerAtNanos;
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
        Position begun = checkpoint.following() && !checkpoint.promotion().isFence()
                ? replica.timeline().newestPossible()
                : checkpoint.foldTarget();
        this.reach = applied.max(begun);
        this.committedNanos = replica.loop().clock().nanos();
        this.foldedNanos = committedNanos - FOLLOW_NANOS;
        this.heldUntilNanos = committedNanos;
    }

    /** What may be opened at the oldest. */
    Position floor() {
        if (replica.checkpoint().direct()) {
            return Position.NONE;
        }
        UndoSet undo = replica.undo();
        int damaged = undo.damagedCount();
        return damaged == undo.count() ? reach.max(replica.base())
                : damaged == 0 ? undo.oldest().position() : undo.endOf(damaged - 1, replica.base());
    }

    /** What the base disks hold completely, durable or not. */
    Position applied() {
        return applied.max(replica.base());
    }

    /** How far the base disks may have been brought. */
    Position reach() {
        return reach;
    }

    long doneBytes() {
        return doneBytes.get();
    }

    long totalBytes() {
        return totalBytes.get();
    }

    /** What has been read back of what the promotion wrote. */
    long checkedBytes() {
        return checkedBytes.get();
    }

    /** How fast the last folds were. */
    FoldRate rate() {
        return rate;
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
        preparing = null;
        goal = null;
    }

    /**
     * A goal will be given that keeps the other points: says when it may be, as what it overwrites can be saved from then on.
     * Until then nothing is folded that need not be.
     */
    void prepareToKeep(Runnable ready) {
        awaitingGoal = true;
        preparing = ready;
        goal = null;
        closed = false;
        consider();
    }

    /** From now on the base goes to this position and nowhere else. */
    void aim(Goal to) {
        awaitingGoal = false;
        closed = false;
        goal = to;
        checkedBytes.set(0);
        reach = reach.max(to.position());
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
            Runnable ready = preparing;
            if (!running && ready != null) {
                prepare(ready);
            } else if (!running && !awaitingGoal) {
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
        UndoSet undo = replica.undo();
        if (aim != null) {
            towards(aim);
        } else if (undo.mustClear()) {
            clear();
        } else if (finishing == null || policy.base() == Stand.NEWEST) {
            int superfluous = superfluous();
            if (replica.checkpoint().following() && isClean()
                    && (policy.base() == Stand.OLDEST || (superfluous > 0 && superfluous == undo.count()))) {
                // A start would believe that the disks may hold more, and offer nothing older.
                stopFollowing();
            } else if (superfluous > 0) {
                undo.giveUp(superfluous);
                urgent = false;
                clear();
            } else if (!waitsForCommit()) {
                foldFarther();
            }
        }
    }

    /** A file of old content is begun where the base disks hold nothing but what the checkpoint says. */
    private void prepare(Runnable ready) {
        if (replica.undo().mustClear()) {
            clear();
        } else if (!replica.undo().isEmpty()) {
            preparing = null;
            ready.run();
        } else if (isClean()) {
            beginUndo();
        } else {
            foldTo(limited(reach));
        }
    }

    private boolean waitsForCommit() {
        barrier &= applied.isAtLeast(reach) && !isClean();
        return barrier;
    }

    /** The base disks are what the checkpoint says, and nothing else. */
    private boolean isClean() {
        return !committing && applied.equals(replica.base()) && applied.isAtLeast(reach);
    }

    /**
     * With old content saved towards the newest point, where there is room for it; else what leaves the window. Not at once where
     * the stream was waiting for the disk, and nobody for this.
     */
    private void foldFarther() {
        long pauseNanos = urgent || finishing != null ? 0 : pause.leftNanos(replica.loop().clock().nanos());
        if (pauseNanos > 0) {
            lookAgain(pauseNanos);
            return;
        }
        UndoSet undo = replica.undo();
        boolean partial = !undo.isEmpty() && applied.isBefore(reach);
        if (maySave() && (partial || policy.base() == Stand.NEWEST)) {
            saveOn(partial);
        } else if (undo.isEmpty()) {
            foldTo(limited(wanted()));
        }
    }

    /** As far as open views and damaged records let it go. */
    private Position limited(Position wanted) {
        Damages damages = replica.damages();
        Position limit = replica.pins().foldLimit(damages.passable(applied, wanted));
        return damages.passableAtMost(applied, limit);
    }

    private void foldTo(Position target) {
        if (applied.isBefore(target)) {
            begin(target, false);
        }
    }

    private void saveOn(boolean partial) {
        UndoSet undo = replica.undo();
        Position target = policy.base() == Stand.NEWEST ? replica.timeline().newest() : reach;
        boolean escapes = !undo.isEmpty()
                && replica.damages().isSupersededBy(undo.newest().at().position(), replica.base());
        if (!applied.isBefore(target) && !escapes) {
            return;
        }
        long waited = replica.loop().clock().nanos() - foldedNanos;
        List<Position> cuts = replica.index().cuts(applied, target, Folder.STEP_EXTENTS);
        if (!partial && finishing == null && cuts.size() == 1 && waited < FOLLOW_NANOS) {
            lookAgain(FOLLOW_NANOS - waited);
        } else if (!undo.isEmpty() && (partial || !isAnotherDue())) {
            Position next = replica.damages().passable(applied, cuts.getFirst());
            if (applied.isBefore(next)) {
                begin(next, true);
            }
        } else if (isClean()) {
            beginUndo();
        } else if (applied.isAtLeast(reach)) {
            barrier = true;
        } else {
            foldTo(limited(wanted()));
        }
    }

    /** Whether a new file of old content is due: the window gets shorter by whole files. */
    private boolean isAnotherDue() {
        UndoSet undo = replica.undo();
        Base at = undo.newest().at();
        long age = replica.loop().clock().wallMicros() - at.timeMicros();
        long bytes = undo.newest().bytes() + replica.index().bytesAfter(at.position());
        return at.position().isBefore(applied) && undo.count() < MAX_UNDO_FILES
                && (bytes >= policy.bytes() / UNDO_FILES || age >= policy.time().toNanos() / 1000 / UNDO_FILES
                        || replica.damages().isSupersededBy(at.position(), replica.base()));
    }

    /** How many files of old content are not needed any more, for no offered or pinned point is that old. */
    private int superfluous() {
        UndoSet undo = replica.undo();
        if (undo.isEmpty()) {
            return 0;
        }
        Position base = replica.base();
        Position pinned = replica.pins().trimLimit(intake.journaled());
        Position old = retention();
        boolean over = urgent || replica.log().sizeBytes() + undo.bytes() > policy.bytes();
        int count = 0;
        int damaged = undo.damagedCount();
        while (count < undo.count() - 1 && pinned.isAtLeast(undo.endOf(count, base))
                && (old.isAtLeast(undo.endOf(count, base)) || (over && count == 0) || count < damaged)) {
            count++;
        }
        boolean none = damaged == undo.count();
        boolean last = count == undo.count() - 1 && pinned.isAtLeast(base) && !isToBeFilled()
                && (old.isAtLeast(base) || (over && count == 0 && isRoomInLast()) || none);
        if (last && isClean()) {
            return count + 1;
        }
        if (last && applied.isAtLeast(reach)) {
            barrier = true;
        } else if (last && (urgent || old.isAtLeast(reach) || none) && replica.pins().all().isEmpty()) {
            // What is folded half is folded to its end without it: the window begins there.
            return count + 1;
        }
        return count;
    }

    /** Whether the newest file has just been begun: without it what it was begun for would begin again. */
    private boolean isToBeFilled() {
        return maySave() && policy.base() == Stand.NEWEST
                && replica.undo().newest().at().position().equals(replica.base());
    }

    private boolean maySave() {
        return !urgent && replica.loop().clock().nanos() >= heldUntilNanos
                && replica.undo().stretches() < replica.undoStretches();
    }

    /** Whether giving up the newest file frees anything worth it. */
    private boolean isRoomInLast() {
        Position segment = replica.index().lastOfOldest(1);
        return urgent || replica.undo().bytes() > policy.bytes() / 2
                || (!segment.equals(Position.NONE) && replica.base().isAtLeast(segment));
    }

    private void beginUndo() {
        Base base = replica.checkpoint().base();
        UndoSet undo = replica.undo();
        onLane(() -> undo.begin(base), this::consider);
    }

    private void clear() {
        onLane(replica.undo()::clear, () -> replica.trim(this::failed, () -> {
            replica.timeline().trimTo(replica.window().position());
            listener.folded();
            consider();
        }));
    }

    private void onLane(Replica.Step step, Runnable done) {
        running = true;
        lane.submit(() -> {
            step.run();
            return step;
        }, replica.loop(), new Lane.Outcome<Replica.Step>() {
            @Override
            public void done(Replica.Step same) {
                running = false;
                done.run();
            }

            @Override
            public void failed(IOException cause) {
                running = false;
                Folding.this.failed(cause);
            }
        });
    }

    private void stopFollowing() {
        running = true;
        mayHaveStopped = true;
        replica.save(Replica.Step.NOTHING, was -> was.withFollowing(false), cause -> {
            running = false;
            failed(cause);
        }, () -> {
            running = false;
            consider();
        });
    }

    /** Whether the base disks hold, or may hold, something newer. */
    boolean isBeyond(Position position) {
        return position.isBefore(applied()) || position.isBefore(reach);
    }

    private void towards(Goal aim) {
        Position target = aim.position();
        if (replica.undo().mustClear()) {
            clear();
        } else if (replica.checkpoint().following() || target.isBefore(replica.base())) {
            if (!committing) {
                restore(aim);
            }
        } else if (applied.isBefore(target)) {
            begin(target, aim.keeps());
        }
    }

    /** Back to what the base disks were: all that may have been overwritten since is known from what was saved of it. */
    private void restore(Goal aim) {
        Position target = aim.position();
        Position base = replica.base();
        UndoSet undo = replica.undo();
        Position from = undo.startFor(target, base);
        applied = base;
        IndexStretch then = replica.index().stretch(from, target);
        List<Folder.Step> steps = base.isBefore(target) ? steps(base, target) : List.of();
        BaseSet disks = replica.disks();
        doneBytes.set(0);
        totalBytes.set(Restorer.bytes(undo, from));
        onLane(() -> {
            if (target.isBefore(from)) {
                throw new IOException("what was saved of the disks before " + target + " is lost");
            }
            disks.mend();
            Layers layers = then.open(disks.indexes());
            List<View.Disk> devices = new ArrayList<>();
            for (BaseDisk disk : disks.all()) {
                devices.add(new View.Disk(disk.placed().index(),
                        new ViewDevice(new OldBase(disk, undo, from), layers, replica.payloads())));
            }
            new Restorer(disks, undo, doneBytes).run(from, devices);
            folder(disks, new Folder.Counts(doneBytes, totalBytes), saver(aim.keeps())).run(steps);
            disks.flush();
            try (ReadBack readBack = new ReadBack(disks, checkedBytes)) {
                new Restorer(readBack, undo, new AtomicLong()).run(from, devices);
                folder(readBack, Folder.Counts.NONE, Folder.Saver.NOTHING).run(steps);
            }
        }, () -> restored(target));
    }

    private void restored(Position target) {
        running = true;
        long timeMicros = replica.index().timeAt(target, replica.window().timeMicros());
        Base base = replica.timeline().baseAt(target, timeMicros);
        replica.save(Replica.Step.NOTHING, was -> was.withBase(base).withFollowing(false), cause -> {
            running = false;
            failed(cause);
        }, () -> {
            running = false;
            applied = target;
            reach = target;
            replica.undo().giveUpAfter(target);
            consider();
        });
    }

    private Folder folder(DiskSink sink, Folder.Counts counts, Folder.Saver saver) {
        return new Folder(replica.disks().indexes(), sink, replica.payloads(), counts, saver);
    }

    private Folder.Saver saver(boolean saves) {
        UndoSet undo = replica.undo();
        BaseSet disks = replica.disks();
        long limit = goal == null ? Long.MAX_VALUE : replica.undoStretches();
        return !saves ? Folder.Saver.NOTHING : work -> {
            if (undo.stretches() >= limit) {
                throw new StoreException(StoreException.Kind.FULL, "keeping the other points takes more memory than "
                        + "index-memory allows; raise it, or give them up with promote --commit");
            }
            undo.save(work, disks);
        };
    }

    private boolean isCommitDue() {
        boolean group = goal == null && preparing == null && finishing == null && !barrier
                && policy.base() == Stand.NEWEST;
        return !group || replica.loop().clock().nanos() - committedNanos >= COMMIT_NANOS;
    }

    /** Nothing is under way. */
    private void rest() {
        Goal aim = goal;
        Runnable finished = finishing;
        boolean dirty = replica.base().isBefore(applied);
        if (aim != null && applied.equals(aim.position()) && !dirty && finished == null) {
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
        long atNanos = replica.loop().clock().nanos() + nanos;
        Loop.Timer set = timer;
        if (set != null && timerAtNanos - atNanos > 0) {
            set.cancel();
            timer = null;
        }
        if (timer == null) {
            timerAtNanos = atNanos;
            timer = replica.loop().schedule(nanos, () -> {
                timer = null;
                consider();
            });
        }
    }

    private Position wanted() {
        Position newest = replica.timeline().newest();
        Checkpoint checkpoint = replica.checkpoint();
        Position begun = checkpoint.following() ? reach.max(checkpoint.foldTarget()) : checkpoint.foldTarget();
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

    private void begin(Position target, boolean saves) {
        running = true;
        reach = reach.max(target);
        Checkpoint checkpoint = replica.checkpoint();
        boolean mayFollow = saves && goal == null;
        if (mayFollow ? checkpoint.following() && !mayHaveStopped : checkpoint.foldTarget().isAtLeast(target)) {
            fold(target, saves);
            return;
        }
        replica.save(Replica.Step.NOTHING,
                was -> mayFollow ? was.withFollowing(true) : was.withFoldTarget(target), cause -> {
                    running = false;
                    failed(cause);
                },
                () -> {
                    mayHaveStopped &= !mayFollow;
                    fold(target, saves);
                });
    }

    private void fold(Position target, boolean saves) {
        List<Folder.Step> steps = steps(applied, target);
        BaseSet disks = replica.disks();
        doneBytes.set(0);
        totalBytes.set(0);
        redo = false;
        foldedNanos = replica.loop().clock().nanos();
        Folder.Saver saver = saver(saves);
        lane.submit(() -> {
            disks.mend();
            folder(disks, new Folder.Counts(doneBytes, totalBytes), saver).run(steps);
            return steps.getLast().own().lastMicros();
        }, replica.loop(), new Lane.Outcome<Long>() {
            @Override
            public void done(Long timeMicros) {
                running = false;
                long now = replica.loop().clock().nanos();
                rate.add(doneBytes.get(), now - foldedNanos);
                pause.worked(now - foldedNanos, now, intake.isWaiting());
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

    private List<Folder.Step> steps(Position after, Position target) {
        List<Folder.Step> steps = new ArrayList<>();
        Position from = after;
        for (Position to : replica.index().cuts(after, target, Folder.STEP_EXTENTS)) {
            steps.add(new Folder.Step(between(from, to), replica.index().stretch(to, target)));
            from = to;
        }
        return steps;
    }

    /**
     * What lies between two positions. Where the journal is damaged just there, so that it does not tell a part of a unit,
     * all of the unit is taken: the disks hold its beginning already, and get the same once more.
     */
    IndexStretch between(Position from, Position to) {
        return replica.damages().splits(from, to) ? replica.index().stretch(from, to)
                : replica.index().exactly(from, to);
    }

    /** Makes durable what has been folded; the next fold may begin meanwhile. */
    private void flush() {
        committing = true;
        Position reached = applied;
        BaseSet disks = replica.disks();
        Goal aim = goal;
        List<Folder.Step> steps = aim != null && reached.equals(aim.position()) ? steps(replica.base(), reached)
                : List.of();
        long begunNanos = replica.loop().clock().nanos();
        flushLane.submit(() -> {
            disks.flush();
            rate.add(0, replica.loop().clock().nanos() - begunNanos);
            if (!steps.isEmpty()) {
                readBack(disks, steps);
            }
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

    private void readBack(BaseSet disks, List<Folder.Step> steps) throws IOException {
        try (ReadBack readBack = new ReadBack(disks, checkedBytes)) {
            folder(readBack, Folder.Counts.NONE, Folder.Saver.NOTHING).run(steps);
        }
    }

    private void commit(Position reached) {
        long timeMicros = replica.index().timeAt(reached, replica.checkpoint().base().timeMicros());
        Base base = replica.timeline().baseAt(reached, timeMicros);
        boolean follows = goal == null && policy.base() == Stand.NEWEST;
        boolean stops = !follows && reached.isAtLeast(reach);
        // From here on the file may say so, even where saving fails.
        mayHaveStopped |= stops;
        replica.save(Replica.Step.NOTHING, was -> was.withBase(base).withFollowing(was.following() && !stops),
                this::notCommitted, this::committed);
    }

    private void committed() {
        committedNanos = replica.loop().clock().nanos();
        replica.timeline().trimTo(replica.window().position());
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
        StoreException why = StoreException.of(cause, "folding");
        if (why.kind() == StoreException.Kind.FULL) {
            heldUntilNanos = replica.loop().clock().nanos() + LOOK_NANOS;
        }
        listener.faulted(why);
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

package io.backhaul.mastertarget;

import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.mastertarget.Checkpoint.Stage;
import io.backhaul.mastertarget.MachineState.Parts;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/**
 * Makes a recovery point what the base disks hold: intention, fold, read back, hand out; each durable before the next
 * begins, so that a promotion goes on by itself wherever it was cut off. What fails is tried again until it works.
 * <p>
 * As long as it is not committed, what the fold overwrites is saved, and journal and old content stay: another point may be
 * chosen once the disks have been handed out, as long as nobody has written to them. Committing discards all that, and keeps
 * the fence. Owned by the machine's loop.
 */
final class Promotion {
    private static final long RETRY_NANOS = 1_000_000_000L;

    private final Parts parts;
    private final Replica replica;
    private final Position target;
    private final Lane foldLane;
    private final Telling telling;
    private boolean keeps;
    private boolean reached;
    private boolean closed;

    /**
     * Who is told.
     *
     * @param promoted
     *            the disks belong to others; whether for good
     */
    record Telling(Consumer<StoreException> faulted, Consumer<Boolean> promoted) {}

    /**
     * @param keeps
     *            whether another point may be chosen afterwards
     */
    Promotion(Parts parts, Position target, boolean keeps, Lane foldLane, Telling telling) {
        this.parts = parts;
        this.replica = parts.replica();
        this.target = target;
        this.keeps = keeps;
        this.foldLane = foldLane;
        this.telling = telling;
    }

    Position target() {
        return target;
    }

    /** Begins, or goes on after a restart. */
    void run() {
        if (replica.checkpoint().promotion().isUnderWay()) {
            fold();
        } else if (keeps) {
            parts.folding().prepareToKeep(() -> save(Stage.INTENDED, List.of(), this::fold));
        } else {
            parts.folding().awaitGoal();
            save(Stage.COMMITTING, List.of(), this::fold);
        }
    }

    /** The other points are given up while it is under way. */
    void commit() {
        if (keeps && !reached) {
            keeps = false;
            parts.folding().awaitGoal();
            save(Stage.COMMITTING, List.of(), this::fold);
        }
        keeps = false;
    }

    /** The disks have been handed out: the other points are given up now. */
    void settle() {
        reached = true;
        keeps = false;
        save(Stage.COMMITTED, List.of(), this::discard);
    }

    private void fold() {
        if (!reached && !closed) {
            parts.folding().aim(new Folding.Goal(target, keeps, this::handOut));
        }
    }

    private void save(Stage stage, List<Long> seals, Runnable then) {
        if (closed) {
            return;
        }
        var next = new Checkpoint.Promotion(stage, target, seals);
        boolean beyond = parts.folding().isBeyond(target);
        replica.save(Replica.Step.NOTHING, was -> was.withFoldTarget(next.isUnderWay() ? target : Position.NONE)
                .withFollowing(was.following() && beyond)
                .withPromotion(next), cause -> {
                    telling.faulted.accept(StoreException.of(cause, "promoting"));
                    replica.loop().schedule(RETRY_NANOS, () -> save(stage, seals, then));
                }, then);
    }

    /** Closes the disks, so that others can open them; from then on anything that is written to them is somebody else's. */
    private void handOut() {
        reached = true;
        BaseSet disks = replica.disks();
        boolean mayReturn = keeps;
        foldLane.submit(() -> {
            disks.close();
            return mayReturn ? disks.seals() : List.of();
        }, replica.loop(), new Lane.Outcome<List<Long>>() {
            @Override
            public void done(List<Long> seals) {
                if (keeps) {
                    save(Stage.HELD, seals, () -> telling.promoted.accept(false));
                } else {
                    settle();
                }
            }

            @Override
            public void failed(IOException cause) {
                telling.faulted.accept(StoreException.of(cause, "closing the promoted disks"));
                replica.loop().schedule(RETRY_NANOS, Promotion.this::handOut);
            }
        });
    }

    private void discard() {
        telling.promoted.accept(true);
        discard(replica, telling.faulted);
    }

    /** Gives the room back that journal and old content take; tries until it works. */
    static void discard(Replica replica, Consumer<StoreException> faulted) {
        replica.discardJournal(why -> {
            faulted.accept(why);
            replica.loop().schedule(RETRY_NANOS, () -> discard(replica, faulted));
        }, () -> {});
    }

    /** Says why disks that were handed out cannot be brought to another point; an empty text where they can. */
    static void judge(Replica replica, Lane lane, Lane.Outcome<String> outcome) {
        BaseSet disks = replica.disks();
        List<Long> known = replica.checkpoint().promotion().seals();
        lane.submit(() -> {
            int at = 0;
            for (BaseDisk disk : disks.all()) {
                long before = known.get(at++);
                if (!isAsHandedOut(disk, before)) {
                    return disk.placed().path() + (before == BaseDisks.NO_SEAL
                            ? " may have been written to since it was promoted"
                            : " was written to since it was promoted");
                }
            }
            return "";
        }, replica.loop(), outcome);
    }

    private static boolean isAsHandedOut(BaseDisk disk, long seal) throws IOException {
        return seal != BaseDisks.NO_SEAL && disk.seal() == seal;
    }

    void close() {
        closed = true;
    }
}

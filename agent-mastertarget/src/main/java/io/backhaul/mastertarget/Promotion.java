package io.backhaul.mastertarget;

import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.mastertarget.Checkpoint.Stage;
import io.backhaul.mastertarget.MachineState.Parts;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * Makes a recovery point what the base disks hold, for good: intention, fold, done; each durable before the next begins, so
 * that a promotion goes on by itself wherever it was cut off. What fails is tried again until it works. Owned by the
 * machine's loop.
 */
final class Promotion {
    private static final long RETRY_NANOS = 1_000_000_000L;

    private final Parts parts;
    private final Replica replica;
    private final Position target;
    private final Lane foldLane;
    private final Consumer<StoreException> faulted;
    private final Runnable promoted;
    private boolean closed;

    /** What a promotion tells. */
    record Telling(Consumer<StoreException> faulted, Runnable promoted) {}

    Promotion(Parts parts, Position target, Lane foldLane, Telling telling) {
        this.parts = parts;
        this.replica = parts.replica();
        this.target = target;
        this.foldLane = foldLane;
        this.faulted = telling.faulted();
        this.promoted = telling.promoted();
    }

    /** Begins, or goes on after a restart. */
    void run() {
        if (replica.checkpoint().promotion().stage() == Stage.NONE) {
            parts.folding().awaitGoal();
            save(Stage.INTENDED, this::fold);
        } else {
            fold();
        }
    }

    private void fold() {
        parts.folding().aim(new Folding.Goal(target, () -> save(Stage.DONE, this::handOver)));
    }

    private void save(Stage stage, Runnable then) {
        if (closed) {
            return;
        }
        boolean beyond = parts.folding().isBeyond(target);
        replica.save(Replica.Step.NOTHING, was -> was.withFoldTarget(stage == Stage.INTENDED ? target : Position.NONE)
                .withFollowing(was.following() && beyond)
                .withPromotion(new Checkpoint.Promotion(stage, target)), cause -> {
                    faulted.accept(StoreException.of(cause, "promoting"));
                    replica.loop().schedule(RETRY_NANOS, () -> save(stage, then));
                }, then);
    }

    /** Closes the disks, so that others can open them, and gives the journal's room back. */
    private void handOver() {
        BaseSet disks = replica.disks();
        foldLane.submit(() -> {
            disks.close();
            return disks;
        }, replica.loop(), new Lane.Outcome<BaseSet>() {
            @Override
            public void done(BaseSet closedDisks) {
                replica.discardJournal(faulted, promoted);
            }

            @Override
            public void failed(IOException cause) {
                faulted.accept(StoreException.of(cause, "closing the promoted disks"));
                replica.discardJournal(faulted, promoted);
            }
        });
    }

    void close() {
        closed = true;
    }
}

package io.backhaul.mastertarget;

import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import java.util.List;
import java.util.UUID;

/**
 * What is durably known of a machine beside its journal. Every change is safe to be seen or not to be seen after a crash:
 * intentions are saved before what they allow is done, results after it is durable.
 *
 * @param replica
 *            drawn once, before the machine's disks are made: a master target that has lost what it had draws another
 * @param disks
 *            empty before the first generation
 * @param base
 *            what the base disks hold completely
 * @param direct
 *            whether the stream goes to the base disks, without a journal
 * @param following
 *            whether the base disks may hold anything between {@code base} and the newest point of the journal
 * @param foldTarget
 *            the base disks may hold anything between {@code base} and here; no point before it is offered
 * @param origin
 *            where the newest generation began that builds on nothing: what is before it, no other may build upon; NONE where
 *            none has
 */
record Checkpoint(UUID machine, UUID replica, String name, List<PlacedDisk> disks, Base base, boolean direct,
        boolean following, Position foldTarget, Promotion promotion, Position origin) {
    Checkpoint {
        disks = List.copyOf(disks);
    }

    /** A state of the base disks: its position, what it is worth, and when it was so. */
    record Base(Position position, Fidelity fidelity, long timeMicros) {
        static final Base NONE = new Base(Position.NONE, Fidelity.BASELINE, 0);
    }

    /**
     * How far a promotion has come, and to which point.
     *
     * @param seals
     *            what {@link BaseDisks#seal} said of each disk when they were handed out; only while they are
     */
    record Promotion(Stage stage, Position target, List<Long> seals) {
        static final Promotion NONE = new Promotion(Stage.NONE, Position.NONE);

        Promotion {
            seals = List.copyOf(seals);
        }

        Promotion(Stage stage, Position target) {
            this(stage, target, List.of());
        }

        boolean isFence() {
            return stage != Stage.NONE;
        }

        /** Whether the disks are on their way to the point. */
        boolean isUnderWay() {
            return stage == Stage.INTENDED || stage == Stage.COMMITTING;
        }
    }

    /** The stages of a promotion. */
    enum Stage {
        /** There is none. */
        NONE(0),
        /** The disks are on their way to the point, and every other one stays. */
        INTENDED(1),
        /** The disks are the point, for good: there is no other any more. */
        COMMITTED(2),
        /** The disks are the point, and belong to others; another one may still be chosen. */
        HELD(3),
        /** The disks are on their way to the point, for good: other ones may be lost. */
        COMMITTING(4);

        private final int code;

        Stage(int code) {
            this.code = code;
        }

        /** The byte in the machine's state. */
        int code() {
            return code;
        }
    }

    /** A machine of which nothing is known. */
    static Checkpoint fresh(UUID machine, UUID replica) {
        return new Checkpoint(machine, replica, "", List.of(), Base.NONE, true, false, Position.NONE, Promotion.NONE,
                Position.NONE);
    }

    Checkpoint withDisks(String newName, List<PlacedDisk> placed) {
        return new Checkpoint(machine, replica, newName, placed, base, direct, following, foldTarget, promotion,
                origin);
    }

    /** The base disks stand elsewhere; a fold up to there has ended. */
    Checkpoint withBase(Base newBase) {
        Position target = newBase.position().isAtLeast(foldTarget) ? Position.NONE : foldTarget;
        return new Checkpoint(machine, replica, name, disks, newBase, direct, following, target, promotion, origin);
    }

    Checkpoint withDirect(boolean isDirect) {
        return new Checkpoint(machine, replica, name, disks, base, isDirect, following, foldTarget, promotion, origin);
    }

    Checkpoint withFollowing(boolean follows) {
        return new Checkpoint(machine, replica, name, disks, base, direct, follows, foldTarget, promotion, origin);
    }

    Checkpoint withFoldTarget(Position target) {
        return new Checkpoint(machine, replica, name, disks, base, direct, following, foldTarget.max(target),
                promotion, origin);
    }

    /** Disks that are handed out are the base, and nothing else. */
    Checkpoint withPromotion(Promotion stage) {
        Position target = stage.isFence() && !stage.isUnderWay() ? Position.NONE : foldTarget;
        return new Checkpoint(machine, replica, name, disks, base, direct, following, target, stage, origin);
    }

    /** A generation has come that builds on nothing. */
    Checkpoint withOrigin(Position newOrigin) {
        return new Checkpoint(machine, replica, name, disks, base, direct, following, foldTarget, promotion,
                origin.max(newOrigin));
    }
}

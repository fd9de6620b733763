package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.StreamReceiver;
import io.backhaul.mastertarget.MachineState.Broken;
import io.backhaul.mastertarget.MachineState.Closed;
import io.backhaul.mastertarget.MachineState.Committed;
import io.backhaul.mastertarget.MachineState.Opening;
import io.backhaul.mastertarget.MachineState.Parts;
import io.backhaul.mastertarget.MachineState.Promoted;
import io.backhaul.mastertarget.MachineState.Promoting;
import io.backhaul.mastertarget.MachineState.Serving;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Resend;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One machine on the master target: its stream comes in, its points go out. Assembled on ports, by a daemon or a
 * simulation.
 * <p>
 * Owned by its loop: everything but the constructor and {@link #welcome} is called there, and tells there.
 * <p>
 * Invariants: {@code received ≥ journaled ≥ applied}; a position is told as journaled only when a crash cannot take it
 * back; {@code applied} is the position that the base disks hold completely and durably, as the checkpoint says; every
 * point offered can be opened, and reads as the source's disks did at that position, or fails.
 */
public final class MasterTargetMachine {
    private static final Logger LOG = LoggerFactory.getLogger(MasterTargetMachine.class);
    private static final long REOPEN_NANOS = 5_000_000_000L;
    private static final long CLOSE_NANOS = 25_000_000_000L;

    /**
     * The lanes of a machine. {@code store} is the only one that touches the journal's tail; {@code view} opens views and
     * flushes the base disks; {@code index} makes the runs of the journal's index; {@code scrub} reads back what is stored.
     */
    public record Lanes(Lane store, Lane fold, Lane view, Lane digest, Lane index, Lane scrub) {}

    /**
     * What a machine stands on.
     *
     * @param volume
     *            the machine's own folder of the retention volume
     */
    public record Ports(Loop loop, Lanes lanes, Volume volume, BaseDisks disks, RandomGenerator random,
            ByteBufAllocator allocator, FaultLog faults) {}

    /**
     * How a machine is served.
     *
     * @param cacheBytes
     *            expanded payloads kept for views
     */
    public record Setup(RetentionPolicy retention, HopTiming timing, long creditBytes, SegmentLimits segments,
            long cacheBytes, IndexLimits index, ScrubPace scrub) {
        /** What a daemon uses unless told otherwise. */
        public static final Setup DEFAULT = new Setup(RetentionPolicy.DEFAULT, HopTiming.DEFAULT, 32L << 20,
                SegmentLimits.DEFAULT, 32L << 20, IndexLimits.DEFAULT, ScrubPace.DEFAULT);
    }

    /** Who waits for a view. */
    public interface ViewOutcome {
        void opened(View view);

        /** One sentence: what, why, what to do. */
        void failed(String why);
    }

    /** Who waits for a promotion's plan. */
    public interface PlanOutcome {
        void done(PromotionPlan plan);

        /** One sentence: what, why, what to do. */
        void failed(String why);
    }

    /** Who waits for a promotion. */
    public interface PromotionOutcome {
        /** What has been folded, and what of it has been read back and was as it should be. */
        void done(Position position, long foldBytes, long checkedBytes);

        /** One sentence: what, why, what to do. */
        void failed(String why);
    }

    /** Who waits for what is stored to be read back. */
    public interface ScrubOutcome {
        /** What was read, and what of it is not what was written. */
        void done(long bytes, List<MachineStatus.Damage> damaged);

        /** One sentence: what, why, what to do. */
        void failed(String why);
    }

    private final UUID machine;
    private final Ports ports;
    private final Setup setup;
    private final MachineSink sink = new MachineSink(this);
    private final List<Runnable> awaitingOpen = new ArrayList<>();
    private MachineState state = new Opening();
    private RetentionPolicy retention;
    private @Nullable StreamReceiver session;
    private @Nullable Link link;
    private long greetedGeneration;
    private @Nullable Promotion promotion;
    private final List<PromotionOutcome> awaitingCommit = new ArrayList<>();
    private boolean closing;
    private boolean unplaced;

    public MasterTargetMachine(UUID machine, Ports ports, Setup setup) {
        this.machine = machine;
        this.ports = ports;
        this.setup = setup;
        this.retention = setup.retention();
    }

    public UUID machine() {
        return machine;
    }

    MachineState state() {
        return state;
    }

    /** What works on the replica; null while it is not open. */
    @Nullable
    Parts parts() {
        return switch (state) {
            case Serving serving -> serving.parts();
            case Promoting promoting -> promoting.parts();
            case Promoted promoted -> promoted.parts();
            case Committed committed -> committed.parts();
            case Opening opening -> null;
            case Broken broken -> null;
            case Closed closed -> null;
        };
    }

    private void moveTo(MachineState next, String why) {
        if (!state.mayBecome(next)) {
            throw new IllegalStateException("machine " + machine + " from " + state.label() + " to " + next.label());
        }
        LOG.info("machine {}: {} to {}: {}", machine, state.label(), next.label(), why);
        state = next;
    }

    /** Reads what is stored; called once. A promotion that was cut off goes on. */
    public void begin() {
        var place = new Replica.Place(machine, ports.volume(), ports.disks(), setup.segments(),
                ports.allocator(), ports.random());
        var reading = new Replica.Reading(setup.cacheBytes(), setup.index(), ports.lanes().index(),
                new Damages(machine, ports.loop(), ports.faults()));
        ports.lanes().store().submit(() -> Replica.open(place, ports.loop(), ports.lanes().store(), reading),
                ports.loop(), new Lane.Outcome<Replica>() {
                    @Override
                    public void done(Replica replica) {
                        opened(replica);
                    }

                    @Override
                    public void failed(IOException cause) {
                        notOpened(StoreException.of(cause, "opening what is stored of machine " + machine));
                    }
                });
    }

    private void opened(Replica replica) {
        if (state instanceof Closed) {
            closeReplica(replica, () -> {});
            return;
        }
        Intake intake = new Intake(replica, ports.disks(), ports.lanes().view(), new IntakeEars());
        Folding folding = new Folding(replica, ports.lanes(), intake, retention, new FoldingEars());
        Views views = new Views(replica, folding);
        Digester digester = new Digester(replica, intake, views, ports.lanes().digest(), why -> fault("base", why));
        Scrubber scrubber = new Scrubber(replica, ports.lanes().scrub(), setup.scrub(),
                () -> folding.isRunning() || intake.isWaiting());
        Parts parts = new Parts(replica, intake, folding, views, digester, scrubber);
        replica.damages().attach(
                new Damages.Means(replica, ports.lanes().scrub(), folding::consider, this::askSource, folding::reach));
        clear("journal");
        replica.indexer().begin();
        Checkpoint.Promotion stage = replica.checkpoint().promotion();
        switch (stage.stage()) {
            case NONE -> {
                moveTo(new Serving(parts), "stands at " + intake.accepted());
                folding.consider();
                scrubber.begin();
            }
            case INTENDED, COMMITTING -> {
                moveTo(new Promoting(parts, stage.target()), "goes on to " + stage.target());
                goOnPromoting(parts, stage.target(), stage.stage() == Checkpoint.Stage.INTENDED);
            }
            case HELD -> moveTo(new Promoted(parts, stage.target()), "stands at " + stage.target());
            case COMMITTED -> {
                moveTo(new Committed(parts, stage.target()), "stands at " + stage.target());
                Promotion.discard(replica, why -> fault("journal", why));
            }
        }
        openedOrNot();
    }

    private boolean askSource(Resend resend) {
        StreamReceiver current = session;
        return state instanceof Serving && current != null && current.offer(resend.frame(ports.allocator()));
    }

    private void notOpened(StoreException cause) {
        if (state instanceof Closed) {
            return;
        }
        fault("journal", cause);
        moveTo(new Broken(cause), String.valueOf(cause.getMessage()));
        openedOrNot();
        ports.loop().schedule(REOPEN_NANOS, () -> {
            if (state instanceof Broken) {
                moveTo(new Opening(), "tries again");
                begin();
            }
        });
    }

    private void openedOrNot() {
        List<Runnable> tasks = new ArrayList<>(awaitingOpen);
        awaitingOpen.clear();
        tasks.forEach(Runnable::run);
    }

    /** Runs the task once the replica is open, or cannot be opened. */
    void whenOpen(Runnable task) {
        if (state instanceof Opening) {
            awaitingOpen.add(task);
        } else {
            task.run();
        }
    }

    /** Takes over a link whose HELLO names this machine. From the loop that the link is attached to. */
    public void welcome(Link newLink, Hello hello) {
        var receiverPorts = new StreamReceiver.Ports(ports.loop(), ports.allocator(), setup.timing(),
                setup.creditBytes());
        StreamReceiver[] made = new StreamReceiver[1];
        StreamReceiver receiver = new StreamReceiver(receiverPorts, newLink, hello, sink, () -> {
            if (session == made[0]) {
                session = null;
                link = null;
            }
        });
        made[0] = receiver;
        newLink.attach(ports.loop(), receiver);
        ports.loop().execute(() -> {
            StreamReceiver displaced = session;
            long newest = Math.max(greetedGeneration, positions().received().generation());
            if (displaced != null && hello.generation() != 0 && hello.generation() < newest) {
                refuseTheLeft(receiver, hello, newest);
                return;
            }
            session = receiver;
            link = newLink;
            greetedGeneration = hello.generation();
            if (displaced != null) {
                displaced.refuse(FaultCode.DISPLACED, "a newer link has come");
            }
            if (closing) {
                receiver.refuse(FaultCode.SHUTTING_DOWN, "the master target is being stopped");
            } else {
                receiver.begin();
            }
        });
    }

    /**
     * Two process servers hold this machine's frames: the one that was left must not push the other out. Where what it holds
     * is of the past for good, it is told so.
     */
    private void refuseTheLeft(StreamReceiver left, Hello hello, long newest) {
        Position journaled = positions().journaled();
        if (hello.generation() < journaled.generation()) {
            left.refuse(FaultCode.STALE_GENERATION, "the master target stands at " + journaled + " already");
        } else {
            left.refuse(FaultCode.DISPLACED, "generation " + newest + " comes over another link");
        }
    }

    /** The session that has a link just now. */
    @Nullable
    StreamReceiver session() {
        return session;
    }

    ByteBufAllocator allocator() {
        return ports.allocator();
    }

    private void refuseSession(FaultCode code, String text) {
        if (code == FaultCode.DISK_MISMATCH || code == FaultCode.NO_ROOM) {
            unplaced = code == FaultCode.NO_ROOM;
            ports.faults().report(code, "machine " + machine, text);
        }
        StreamReceiver current = session;
        if (current != null) {
            current.refuse(code, text);
        }
    }

    private void fault(String part, StoreException cause) {
        ports.faults().report(cause.code(), part + " of " + machine, String.valueOf(cause.getMessage()));
    }

    private void clear(String part) {
        for (StoreException.Kind kind : StoreException.Kind.values()) {
            ports.faults().clear(new StoreException(kind, "").code(), part + " of " + machine);
        }
    }

    /** The law of positions, as far as it is kept here. */
    Positions positions() {
        Parts parts = parts();
        Position received = parts == null ? Position.NONE : parts.intake().accepted();
        Position journaled = parts == null ? Position.NONE : parts.intake().journaled();
        Position applied = parts == null ? Position.NONE : parts.replica().base();
        Positions positions = new Positions(machine, received, received, received, journaled, applied);
        if (!positions.areLawful()) {
            throw new IllegalStateException("law of positions broken: " + positions);
        }
        return positions;
    }

    /** Changes where the base disks are to stand, and how much is kept. */
    public void changeRetention(RetentionPolicy next) {
        retention = next;
        Parts parts = parts();
        if (parts != null) {
            parts.folding().changePolicy(next);
        }
    }

    /** The points that may be opened now, or to which the machine may be promoted instead of where it is. */
    public RecoveryPoints points() {
        Parts parts = choosing();
        return parts == null ? Points.NONE : Points.of(parts);
    }

    /** What works on the replica while there is a point to be chosen; else null. */
    private @Nullable Parts choosing() {
        return switch (state) {
            case Serving serving -> serving.parts();
            case Promoted promoted -> promoted.parts();
            case Opening opening -> null;
            case Broken broken -> null;
            case Promoting promoting -> null;
            case Committed committed -> null;
            case Closed closed -> null;
        };
    }

    /** Opens a view of a point. */
    public void openView(PointName name, String holder, ViewOutcome outcome) {
        if (!(state instanceof Serving(Parts parts))) {
            outcome.failed("machine " + machine + " is " + state.label() + ": no point of it can be opened");
            return;
        }
        find(parts, name, position -> openView(parts, position, holder, outcome), outcome::failed);
    }

    /** Finds an offered point, while there is one to be chosen. */
    private void find(Parts parts, PointName name, Consumer<Position> found, Consumer<String> notFound) {
        Points.find(parts, name, ports.lanes().view(), new Lane.Outcome<Position>() {
            @Override
            public void done(Position position) {
                if (choosing() == null) {
                    notFound.accept("machine " + machine + " is " + state.label() + " now");
                } else if (position.equals(Position.NONE)) {
                    notFound.accept(Points.unknown(parts, name));
                } else {
                    found.accept(position);
                }
            }

            @Override
            public void failed(IOException cause) {
                notFound.accept("the journal cannot be read at that time: " + cause.getMessage());
            }
        });
    }

    private void openView(Parts parts, Position position, String holder, ViewOutcome outcome) {
        parts.views().open(position, holder, ports.lanes().view(), new Lane.Outcome<View>() {
            @Override
            public void done(View view) {
                outcome.opened(view);
            }

            @Override
            public void failed(IOException cause) {
                outcome.failed("the view of " + position + " cannot be opened: " + cause.getMessage());
            }
        });
    }

    /** Reads back now what is stored of the machine. */
    public void scrub(ScrubOutcome outcome) {
        if (!(state instanceof Serving(Parts parts))) {
            outcome.failed("machine " + machine + " is " + state.label() + ": there is nothing to be read back");
            return;
        }
        parts.scrubber().ask(new Scrubber.Waiter() {
            @Override
            public void done(Scrubber.Result result) {
                outcome.done(result.bytes(), result.damaged());
            }

            @Override
            public void failed(String why) {
                outcome.failed(why);
            }
        });
    }

    /** Says what a promotion would have to do. */
    public void planPromotion(PointName name, PlanOutcome outcome) {
        Parts parts = choosing();
        if (parts == null) {
            outcome.failed("machine " + machine + " is " + state.label() + ": it cannot be promoted");
            return;
        }
        find(parts, name, position -> PromotionPlan.make(parts, position, ports.lanes().view(), new Lane.Outcome<>() {
            @Override
            public void done(PromotionPlan plan) {
                outcome.done(plan);
            }

            @Override
            public void failed(IOException cause) {
                outcome.failed(String.valueOf(cause.getMessage()));
            }
        }), outcome::failed);
    }

    /**
     * Brings the disks to a point, fences the stream for good, reads back what it wrote and hands the disks out. It goes on
     * after a restart. Where it is not committed another point may be chosen afterwards, by promoting to that one, as long as
     * nobody has written to the disks.
     *
     * @param commits
     *            whether all other points are given up
     */
    public void promote(PointName name, boolean commits, PromotionOutcome outcome) {
        Parts parts = choosing();
        if (parts == null) {
            outcome.failed("machine " + machine + " is " + state.label() + (state instanceof Committed committed
                    ? " to " + committed.at() + ": its other points were given up"
                    : ": it cannot be promoted now"));
            return;
        }
        find(parts, name, position -> promote(parts, position, commits, outcome), outcome::failed);
    }

    private void promote(Parts parts, Position position, boolean commits, PromotionOutcome outcome) {
        if (state instanceof Promoted(Parts same, Position at)) {
            if (!at.equals(position)) {
                promoteInstead(parts, position, commits, outcome);
            } else if (commits) {
                commit(outcome);
            } else {
                outcome.done(at, 0, 0);
            }
            return;
        }
        parts.digester().close();
        String holders = Points.holders(parts);
        if (!holders.isEmpty()) {
            parts.digester().reopen();
            outcome.failed(
                    "machine " + machine + " cannot be promoted to " + position + " while points of it are open ("
                            + holders + "): close them with unexport");
            return;
        }
        moveTo(new Promoting(parts, position), "promotion to " + position);
        refuseSession(FaultCode.FENCED, "the machine is being promoted to " + position);
        parts.intake().close();
        parts.scrubber().close();
        begin(promotion(parts, position, !commits, outcome));
    }

    /** What others have written to the disks is in no journal: it could not be taken back. */
    private void promoteInstead(Parts parts, Position position, boolean commits, PromotionOutcome outcome) {
        Promotion.judge(parts.replica(), ports.lanes().fold(), new Lane.Outcome<String>() {
            @Override
            public void done(String objection) {
                if (!(state instanceof Promoted(Parts same, Position at))) {
                    outcome.failed("machine " + machine + " is " + state.label() + " now");
                } else if (!objection.isEmpty()) {
                    outcome.failed(
                            objection + " to " + at + ": no other point can be had on it any more; keep it, or restore"
                                    + " it from a backup of what it was at " + at);
                } else {
                    moveTo(new Promoting(parts, position), "promotion to " + position + " instead");
                    begin(promotion(parts, position, !commits, outcome));
                }
            }

            @Override
            public void failed(IOException cause) {
                outcome.failed("whether the disks were written to cannot be found out: " + cause.getMessage());
            }
        });
    }

    /** Gives up all points but the one that the machine has been, or is being, promoted to. */
    public void commit(PromotionOutcome outcome) {
        Promotion current = promotion;
        if (state instanceof Promoted(Parts parts, Position at)) {
            Promotion settled = promotion(parts, at, false, outcome);
            promotion = settled;
            settled.settle();
        } else if (state instanceof Promoting(Parts parts, Position target) && current != null) {
            awaitingCommit.add(outcome);
            LOG.info("machine {}: the promotion to {} is committed", machine, target);
            current.commit();
        } else if (state instanceof Committed committed) {
            outcome.done(committed.at(), 0, 0);
        } else {
            outcome.failed("machine " + machine + " is " + state.label()
                    + ": there is no promotion to commit; say which point with --at");
        }
    }

    private void goOnPromoting(Parts parts, Position target, boolean keeps) {
        begin(promotion(parts, target, keeps, null));
    }

    private void begin(Promotion begun) {
        promotion = begun;
        begun.run();
    }

    private Promotion promotion(Parts parts, Position target, boolean keeps, @Nullable PromotionOutcome outcome) {
        return new Promotion(parts, target, keeps, ports.lanes().fold(),
                new Promotion.Telling(why -> fault("base", why), committed -> {
                    if (state instanceof Closed) {
                        return;
                    }
                    moveTo(committed ? new Committed(parts, target) : new Promoted(parts, target),
                            "the disks are " + target);
                    if (outcome != null) {
                        awaitingCommit.add(outcome);
                    }
                    List<PromotionOutcome> told = List.copyOf(awaitingCommit);
                    awaitingCommit.clear();
                    told.forEach(each -> each.done(target, parts.folding().totalBytes(),
                            parts.folding().checkedBytes()));
                }));
    }

    /** What is to be said of the machine. */
    public MachineStatus status() {
        Link current = link;
        String peer = session == null || current == null ? "" : current.peer() + " at " + current.remoteAddress();
        Parts parts = parts();
        if (parts == null) {
            String trouble = state instanceof Broken(StoreException cause) ? String.valueOf(cause.getMessage()) : "";
            return new MachineStatus(machine, "", state.label(), Fidelity.BASELINE, positions(), peer, Position.NONE,
                    new MachineStatus.Store(0, 0, 0, 0, 0, window(null)), Points.NONE, List.of(), List.of(),
                    new MachineStatus.Fold(false, 0, 0, 0), MachineStatus.Scrub.NONE, trouble);
        }
        Checkpoint checkpoint = parts.replica().checkpoint();
        JournalIndex index = parts.replica().index();
        Folding folding = parts.folding();
        List<MachineStatus.OpenView> views = new ArrayList<>();
        parts.replica().pins().all().forEach((number, pin) -> views
                .add(new MachineStatus.OpenView(number, pin.position(), pin.base(), pin.holder())));
        StoreException fault = parts.intake().fault();
        return new MachineStatus(machine, checkpoint.name(), state.label(), parts.intake().fidelity(), positions(),
                peer, parts.replica().base(),
                new MachineStatus.Store(parts.replica().log().sizeBytes(), parts.replica().undo().bytes(),
                        index.extents(), index.memoryBytes(), parts.intake().journaledBytes(), window(parts)),
                points(), checkpoint.disks(), views,
                new MachineStatus.Fold(folding.isRunning(), folding.doneBytes(), folding.totalBytes(),
                        folding.checkedBytes()),
                parts.scrubber().status(),
                fault == null ? "" : String.valueOf(fault.getMessage()));
    }

    private MachineStatus.Window window(@Nullable Parts parts) {
        long asked = retention.time().toNanos() / 1000;
        if (parts == null || !(state instanceof Serving)) {
            return new MachineStatus.Window(0, 0, 0, asked, retention.bytes(), false);
        }
        Checkpoint.Base oldest = parts.replica().window();
        // A journal begins at a base that is no point: one that is has passed points.
        boolean cut = !parts.replica().checkpoint().direct() && oldest.fidelity() == Fidelity.ORDERED;
        long reach = Math.max(0, ports.loop().clock().wallMicros() - oldest.timeMicros());
        return new MachineStatus.Window(oldest.timeMicros(), parts.replica().timeline().newestMicros(), reach, asked,
                retention.bytes(), cut);
    }

    /** Ends the link, makes durable what came, and lets everything go. Views must have been closed. */
    public void close(Runnable closed) {
        closing = true;
        Parts parts = parts();
        if (promotion != null) {
            promotion.close();
        }
        if (parts == null) {
            if (!(state instanceof Closed)) {
                moveTo(new Closed(), "closed");
            }
            openedOrNot();
            closed.run();
            return;
        }
        refuseSession(FaultCode.SHUTTING_DOWN, "the master target is being stopped");
        boolean[] ended = new boolean[1];
        Runnable end = () -> {
            if (!ended[0]) {
                ended[0] = true;
                end(parts, closed);
            }
        };
        ports.loop().schedule(CLOSE_NANOS, end);
        if (state instanceof Serving) {
            parts.digester().close();
            parts.intake().whenSettled(() -> parts.folding().finish(end));
        } else {
            end.run();
        }
    }

    private void end(Parts parts, Runnable closed) {
        moveTo(new Closed(), "closed");
        parts.intake().close();
        parts.folding().close();
        parts.digester().close();
        parts.scrubber().close();
        parts.replica().damages().close();
        Lanes lanes = ports.lanes();
        Runnable replica = () -> closeReplica(parts.replica(), closed);
        boolean isRead = parts.scrubber().isReading() || parts.replica().damages().isLooking();
        Runnable close = isRead ? () -> after(lanes.scrub(), replica) : replica;
        parts.replica().indexer().close(
                () -> after(lanes.fold(), () -> after(lanes.view(), () -> after(lanes.digest(), close))));
    }

    private void after(Lane lane, Runnable task) {
        lane.submit(() -> machine, ports.loop(), told(task));
    }

    private void closeReplica(Replica replica, Runnable closed) {
        ports.lanes().store().submit(() -> {
            replica.close();
            return machine;
        }, ports.loop(), told(closed));
    }

    private Lane.Outcome<UUID> told(Runnable task) {
        return new Lane.Outcome<>() {
            @Override
            public void done(UUID same) {
                task.run();
            }

            @Override
            public void failed(IOException cause) {
                LOG.warn("closing machine {}: {}", machine, cause.getMessage());
                task.run();
            }
        };
    }

    private final class IntakeEars implements Intake.Listener {
        @Override
        public void progressed() {
            StreamReceiver current = session;
            if (current != null) {
                current.progressed();
            }
            if (state instanceof Serving(Parts parts)) {
                if (unplaced && !parts.replica().checkpoint().disks().isEmpty()) {
                    unplaced = false;
                    ports.faults().clear(FaultCode.NO_ROOM, "machine " + machine);
                }
                parts.digester().progressed();
                parts.folding().consider();
            }
        }

        @Override
        public void refuse(FaultCode code, String text) {
            refuseSession(code, text);
        }

        @Override
        public void faulted(StoreException cause) {
            fault("journal", cause);
            if (cause.kind() == StoreException.Kind.FULL && state instanceof Serving(Parts parts)) {
                parts.folding().hurry();
            }
        }

        @Override
        public void mended() {
            clear("journal");
            Parts parts = parts();
            if (parts != null) {
                parts.folding().relax();
            }
        }
    }

    private final class FoldingEars implements Folding.Listener {
        @Override
        public void folded() {
            clear("base");
            Parts parts = parts();
            if (parts != null) {
                parts.intake().tryAgain();
            }
            StreamReceiver current = session;
            if (current != null) {
                current.progressed();
            }
        }

        @Override
        public void faulted(StoreException cause) {
            fault("base", cause);
        }
    }
}

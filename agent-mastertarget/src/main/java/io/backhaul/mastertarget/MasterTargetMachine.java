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

    /** Who waits for a promotion or its plan. */
    public interface PromotionOutcome {
        /** What will be, or has been, folded. */
        void done(Position position, long foldBytes);

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
    private boolean closing;

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
                () -> folding.isRunning() || intake.journaled().isBefore(intake.accepted()));
        Parts parts = new Parts(replica, intake, folding, views, digester, scrubber);
        replica.damages().attach(new Damages.Means(replica, ports.lanes().scrub(), folding::consider, this::askSource));
        clear("journal");
        replica.indexer().begin();
        Checkpoint.Promotion stage = replica.checkpoint().promotion();
        switch (stage.stage()) {
            case NONE -> {
                moveTo(new Serving(parts), "stands at " + intake.accepted());
                folding.consider();
                scrubber.begin();
            }
            case INTENDED -> {
                moveTo(new Promoting(parts, stage.target()), "goes on to " + stage.target());
                goOnPromoting(parts, stage.target(), null);
            }
            case DONE -> moveTo(new Promoted(parts, stage.target()), "stands at " + stage.target());
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
        if (code == FaultCode.DISK_MISMATCH) {
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

    /** The points that may be opened now. */
    public RecoveryPoints points() {
        return state instanceof Serving(Parts parts) ? Points.of(parts) : Points.NONE;
    }

    /** Opens a view of a point. */
    public void openView(PointName name, String holder, ViewOutcome outcome) {
        if (!(state instanceof Serving(Parts parts))) {
            outcome.failed("machine " + machine + " is " + state.label() + ": no point of it can be opened");
            return;
        }
        find(parts, name, position -> openView(parts, position, holder, outcome), outcome::failed);
    }

    /** Finds an offered point, while the machine goes on being served. */
    private void find(Parts parts, PointName name, Consumer<Position> found, Consumer<String> notFound) {
        Points.find(parts, name, ports.lanes().view(), new Lane.Outcome<Position>() {
            @Override
            public void done(Position position) {
                if (!(state instanceof Serving)) {
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

    /** Says what a promotion would have to fold. */
    public void planPromotion(PointName name, PromotionOutcome outcome) {
        if (!(state instanceof Serving(Parts parts))) {
            outcome.failed("machine " + machine + " is " + state.label() + ": it cannot be promoted");
            return;
        }
        find(parts, name, position -> planPromotion(parts, position, outcome), outcome::failed);
    }

    private void planPromotion(Parts parts, Position position, PromotionOutcome outcome) {
        Replica replica = parts.replica();
        UndoSet undo = replica.undo();
        Position from = undo.startFor(position, position);
        boolean beyond = parts.folding().isBeyond(position);
        IndexStretch stretch = parts.folding().between(parts.folding().applied(), position);
        int[] disks = replica.disks().indexes();
        ports.lanes().view().submit(
                () -> stretch.open(disks).liveBytes() + (beyond ? Restorer.bytes(undo, from) : 0), ports.loop(),
                new Lane.Outcome<Long>() {
                    @Override
                    public void done(Long bytes) {
                        outcome.done(position, bytes);
                    }

                    @Override
                    public void failed(IOException cause) {
                        outcome.failed(String.valueOf(cause.getMessage()));
                    }
                });
    }

    /**
     * Folds up to a point, fences the stream for good and hands the disks out. There is no way back once it has begun; it
     * goes on after a restart.
     */
    public void promote(PointName name, PromotionOutcome outcome) {
        if (state instanceof Promoted promoted) {
            outcome.done(promoted.at(), 0);
            return;
        }
        if (!(state instanceof Serving(Parts parts))) {
            outcome.failed("machine " + machine + " is " + state.label() + ": it cannot be promoted now");
            return;
        }
        find(parts, name, position -> promote(parts, position, outcome), outcome::failed);
    }

    private void promote(Parts parts, Position position, PromotionOutcome outcome) {
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
        goOnPromoting(parts, position, outcome);
    }

    private void goOnPromoting(Parts parts, Position target, @Nullable PromotionOutcome outcome) {
        Promotion begun = new Promotion(parts, target, ports.lanes().fold(),
                new Promotion.Telling(why -> fault("base", why), () -> {
                    if (state instanceof Promoting) {
                        moveTo(new Promoted(parts, target), "the disks are " + target);
                        if (outcome != null) {
                            outcome.done(target, parts.folding().totalBytes());
                        }
                    }
                }));
        promotion = begun;
        begun.run();
    }

    /** What is to be said of the machine. */
    public MachineStatus status() {
        Link current = link;
        String peer = session == null || current == null ? "" : current.peer() + " at " + current.remoteAddress();
        Parts parts = parts();
        if (parts == null) {
            String trouble = state instanceof Broken(StoreException cause) ? String.valueOf(cause.getMessage()) : "";
            return new MachineStatus(machine, "", state.label(), Fidelity.BASELINE, positions(), peer, Position.NONE,
                    new MachineStatus.Store(0, 0, 0, 0), Points.NONE, List.of(), List.of(),
                    new MachineStatus.Fold(false, 0, 0), MachineStatus.Scrub.NONE, trouble);
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
                new MachineStatus.Store(parts.replica().log().sizeBytes(), index.extents(), index.memoryBytes(),
                        parts.intake().journaledBytes()),
                points(), checkpoint.disks(), views,
                new MachineStatus.Fold(folding.isRunning(), folding.doneBytes(), folding.totalBytes()),
                parts.scrubber().status(),
                fault == null ? "" : String.valueOf(fault.getMessage()));
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

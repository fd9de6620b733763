package io.backhaul.processserver;

import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.stream.FrameFeed;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.StreamSender;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One machine's way to its master target: gives the sender what is durable, from memory or from the spool, and keeps what
 * the target says. Owned by the machine's loop.
 * <p>
 * What can no longer be delivered is never skipped in silence. Frames go out in the order of positions without a gap, but
 * for one case: where a generation cannot be completed (frames lost here, or journal lost there, or the target refused its
 * basis, or that it becomes whole by it), it is skipped up to the start of the next one, and the target judges by that one's basis whether it may. Where
 * no next generation is held, the spool begins anew where the target stands and the source is sent away with the reason:
 * it finds, when it comes again, that its frames are not held, and begins a new generation itself.
 */
final class Egress implements FrameFeed {
    private static final Logger LOG = LoggerFactory.getLogger(Egress.class);
    private static final long REEXAMINE_NANOS = 60_000_000_000L;
    private static final long EXAMINATION_NANOS = 5_000_000_000L;
    private static final long HOPE_NANOS = 3_000_000_000L;
    private static final long READ_RETRY_NANOS = 1_000_000_000L;
    private static final long REST_NANOS = 30_000_000_000L;
    private static final String SOFTWARE = "backhaul process-server";

    /** Whom it serves, besides the target. All on the loop. */
    interface Owner {
        /** A position that the source is told has changed. */
        void progressed();

        /** The target has answered, or will not answer soon: who waited for its word waits no more. */
        void answered();

        /** The source shall go, with this reason. */
        void refuseSource(Refusal refusal);

        /** A frame for the source. */
        void toSource(Frame frame);

        /** The target asks the source for something again; lost where no source takes it. */
        void toSource(Resend resend);

        /** Whether a source is linked. */
        boolean hasSource();

        /** The highest generation that the source has greeted with; 0 where it has not. */
        long greetedGeneration();
    }

    /** Where the spool is read, and into what. */
    record Reads(Lane lane, FrameMemory.Share memory) {}

    /** Where it goes. */
    record Route(UUID machine, String address, HopTiming timing) {}

    private final StreamSender.Ports ports;
    private final Route route;
    private final Spool spool;
    private final HotFrames hot;
    private final SpoolReader reader;
    private final Owner owner;
    /** Where the records stand that the target judges, and has not been heard to take. */
    private final TreeSet<Position> unjudged = new TreeSet<>();
    private @Nullable StreamSender sender;
    private @Nullable Position targetAt;
    private Position position = Position.NONE;
    private Position lastGiven = Position.NONE;
    private Position skipThrough = Position.NONE;
    private Position forwarded = Position.NONE;
    private Position journaled = Position.NONE;
    private Position applied = Position.NONE;
    private @Nullable Refusal standing;
    private long standingGeneration;
    private long basisUnknown;
    private long greetedWith;
    private long givenBytes;
    private boolean examining;
    private boolean hoping;
    private boolean resting;
    private boolean closed;

    Egress(StreamSender.Ports ports, Reads reads, Route route, Spool spool, HotFrames hot, Owner owner) {
        this.ports = ports;
        this.route = route;
        this.spool = spool;
        this.hot = hot;
        this.owner = owner;
        this.reader = new SpoolReader(ports.loop(), reads.lane(), reads.memory(), new SpoolReader.Reader() {
            @Override
            public void fetched() {
                wake();
            }

            @Override
            public void unreadable(Position behind, StoreException cause) {
                Egress.this.unreadable(behind, cause);
            }
        });
    }

    /** Keeps a link to the target from now on. */
    void dial() {
        if (sender == null && !closed) {
            sender = new StreamSender(ports,
                    new StreamSender.Route(route.machine(), route.address(), Role.MASTER_TARGET,
                            route.timing()),
                    this);
        }
    }

    /**
     * The source has come: where the target had refused the machine for good, it is asked again first. Where nothing of the
     * machine is held here, perhaps because the spool's disk was lost, it is asked how far it is: then the source need not
     * begin again.
     */
    void sourceArrived() {
        dial();
        hoping = standing == null && targetAt == null;
        if (standing != null) {
            reexamine();
            ports.loop().schedule(EXAMINATION_NANOS, this::answered);
        } else if (hoping) {
            ports.loop().schedule(HOPE_NANOS, this::hopeless);
        }
    }

    /** The target does not answer soon. */
    private void hopeless() {
        if (hoping) {
            hoping = false;
            owner.answered();
        }
    }

    private void reexamine() {
        if (standing != null && !examining && !closed) {
            examining = true;
            redial();
        }
    }

    /** Another link to the target, where one is needed. */
    private void redial() {
        hangUp();
        if (standing != null || isNeeded()) {
            dial();
        }
    }

    private void hangUp() {
        StreamSender old = sender;
        sender = null;
        if (old != null) {
            old.close();
        }
    }

    /**
     * Lets go of a link that has been of no use for a while. The machine may go another way now, with a lower generation
     * than this link was greeted with: it would be kept out for as long as this one is held.
     */
    void rest() {
        if (sender != null && !resting && !isNeeded()) {
            resting = true;
            ports.loop().schedule(REST_NANOS, () -> {
                resting = false;
                if (standing == null && !isNeeded()) {
                    hangUp();
                }
            });
        }
    }

    private void answered() {
        examining = false;
        owner.answered();
    }

    /** Whether the target's word is being waited for. */
    boolean isExamining() {
        return examining || (hoping && targetAt == null && spool.accepted().equals(Position.NONE));
    }

    /** Something may be given now. */
    void wake() {
        if (sender != null) {
            sender.wake();
        }
    }

    /** Whether frames that become durable should stay in memory for the target. */
    boolean isStreaming() {
        return targetAt != null && !spool.isRestarting();
    }

    @Override
    public Hello greeting() {
        greetedWith = generation();
        return new Hello(route.machine(), greetedWith, Limits.VERSION, Limits.VERSION, SOFTWARE);
    }

    /** The highest generation that has come this way. */
    private long generation() {
        return Math.max(spool.durable().generation(), owner.greetedGeneration());
    }

    @Override
    public void resume(Welcome welcome) {
        Position durable = welcome.durable();
        standing = null;
        journaled = durable;
        applied = applied.min(durable);
        targetAt = durable;
        lastGiven = durable;
        unjudged.clear();
        place();
        answered();
        Refusal objection = objection(Math.max(owner.greetedGeneration(), spool.accepted().generation()));
        if (objection != null) {
            ports.loop().execute(() -> owner.refuseSource(objection));
        }
        owner.progressed();
        rest();
    }

    /** Finds where to go on behind what the target has. */
    void place() {
        Position at = targetAt;
        if (at == null || spool.log() == null) {
            return;
        }
        boolean mayBegin = hoping;
        hoping = false;
        if (mayBegin && spool.accepted().equals(Position.NONE) && !at.equals(Position.NONE)) {
            spool.restartAt(at, () -> {
                place();
                wake();
            });
            return;
        }
        Position from = lastGiven.max(skipThrough);
        Position first = spool.first();
        boolean beginsGeneration = first.sequence() == 1 && first.generation() > from.generation();
        if (from.isAtLeast(spool.before()) || beginsGeneration) {
            position = from;
        } else {
            long broken = Math.max(first.generation(), spool.before().generation());
            String text = "the master target stands at " + at + ", the spool holds what follows " + spool.before();
            loseThrough(broken, at, new Refusal(route.machine(), FaultCode.GAP, text));
        }
    }

    /**
     * A generation cannot be completed. Goes on with the next one where it is there, else begins anew.
     *
     * @param restart
     *            where the spool begins anew
     */
    private void loseThrough(long generation, Position restart, Refusal reason) {
        LOG.info("{}: generation {} cannot be delivered as a whole: {}", route.machine(), generation, reason.text());
        skipThrough = skipThrough.max(new Position(generation, Long.MAX_VALUE));
        reader.reset();
        if (spool.accepted().generation() > generation) {
            position = skipThrough;
            // The next generation may wait for the room that this one takes.
            spool.trim(skipThrough);
            return;
        }
        hot.clear();
        ports.loop().execute(() -> {
            owner.refuseSource(reason);
            spool.restartAt(restart, () -> {
                // What was read of the old spool meanwhile may stand where the new one begins.
                reader.reset();
                skipThrough = Position.NONE;
                place();
                wake();
            });
        });
    }

    private void unreadable(Position behind, StoreException cause) {
        if (cause.kind() != StoreException.Kind.CORRUPT) {
            ports.loop().schedule(READ_RETRY_NANOS, this::wake);
        } else if (targetAt != null && behind.equals(position)) {
            long lost = behind.equals(skipThrough) ? spool.generationAbove(behind.generation()) : behind.generation();
            loseThrough(lost, lastGiven,
                    new Refusal(route.machine(), FaultCode.GAP,
                            "a frame behind " + behind + " is damaged in the spool"));
            wake();
        }
    }

    private boolean follows(Frame frame) {
        return frame.generation() == position.generation() ? frame.sequence() <= position.sequence() + 1
                : frame.type() == FrameType.GENERATION;
    }

    @Override
    public @Nullable Frame next() {
        var log = spool.log();
        if (targetAt == null || log == null) {
            return null;
        }
        if (lastGiven.compareTo(forwarded) > 0) {
            forwarded = lastGiven;
            owner.progressed();
        }
        Frame frame = reader.poll(position, spool.durable());
        if (frame == null) {
            frame = hot.take(position);
        }
        if (frame == null) {
            if (position.isBefore(spool.durable())) {
                reader.want(log, position);
            }
            return null;
        }
        if (!follows(frame)) {
            // What stood between has been trimmed since the place was found.
            frame.release();
            reader.reset();
            place();
            return null;
        }
        reader.fetch();
        if (frame.type() == FrameType.GENERATION || frame.type() == FrameType.FIDELITY) {
            unjudged.add(frame.last());
        }
        position = frame.last();
        lastGiven = position;
        givenBytes += frame.lengthBytes();
        return frame;
    }

    @Override
    public void progress(Positions positions) {
        if (targetAt == null) {
            return;
        }
        unjudged.headSet(positions.received(), true).clear();
        journaled = positions.journaled();
        applied = positions.applied();
        spool.trim(journaled);
        owner.progressed();
        rest();
    }

    @Override
    public void control(Frame frame) {
        owner.toSource(frame);
    }

    @Override
    public void resend(Resend resend) {
        owner.toSource(resend);
    }

    /** Passes a question on; false where the target cannot be asked now. */
    boolean ask(DigestRequest request) {
        return targetAt != null && sender != null && sender.control(request.frame(ports.allocator()));
    }

    @Override
    public Reaction refused(Refusal refusal) {
        targetAt = null;
        long generation = unjudged.isEmpty() ? 0 : unjudged.getFirst().generation();
        Reaction reaction = switch (refusal.fault()) {
            case BASIS_UNKNOWN -> {
                basisUnknown = generation == 0 ? spool.first().generation() : generation;
                loseThrough(basisUnknown, journaled, refusal);
                yield Reaction.RETRY;
            }
            case DISK_MISMATCH -> {
                if (generation > 0 && spool.accepted().generation() > generation) {
                    skipThrough = new Position(generation, Long.MAX_VALUE);
                    yield Reaction.RETRY;
                }
                stand(refusal, Math.max(generation, spool.accepted().generation()));
                yield Reaction.STOP;
            }
            case STALE_GENERATION -> stale(refusal);
            case FENCED -> standForAll(refusal);
            case DISPLACED -> {
                if (isNeeded()) {
                    yield Reaction.RETRY;
                }
                ports.loop().execute(this::redial);
                yield Reaction.STOP;
            }
            default -> Reaction.RETRY;
        };
        hoping = false;
        answered();
        return reaction;
    }

    /**
     * Whether a link to the target is of any use. Where the machine goes another way now, and nothing of it is left here,
     * dialling again would only push that other one out.
     */
    private boolean isNeeded() {
        return owner.hasSource() || !isDelivered();
    }

    /**
     * The source has gone another way, and the target stands beyond what it has left here: nobody takes that any more, and
     * what of it was not journaled is marked at the source.
     */
    private void giveUp(Refusal refusal) {
        LOG.info("{}: what is held up to {} is needed no more: {}", route.machine(), spool.accepted(), refusal.text());
        standing = null;
        hangUp();
        hot.clear();
        spool.restartAt(spool.accepted(), () -> {
            reader.reset();
            redial();
        });
    }

    private Reaction stale(Refusal refusal) {
        if (generation() > greetedWith) {
            // The source has come meanwhile: it was not the one that was refused.
            return Reaction.RETRY;
        }
        if (owner.hasSource()) {
            return standForAll(refusal);
        }
        ports.loop().execute(() -> giveUp(refusal));
        return Reaction.STOP;
    }

    /** It holds for every generation that has come this way. */
    private Reaction standForAll(Refusal refusal) {
        stand(refusal, Math.max(owner.greetedGeneration(), spool.accepted().generation()));
        return Reaction.STOP;
    }

    private void stand(Refusal refusal, long generation) {
        standing = refusal;
        standingGeneration = generation;
        ports.loop().execute(() -> {
            // A source that brings a higher generation may be just the cure.
            if (refusal.fault() == FaultCode.FENCED || owner.greetedGeneration() <= generation) {
                owner.refuseSource(refusal);
            }
        });
        ports.loop().schedule(REEXAMINE_NANOS, this::reexamine);
    }

    @Override
    public void disconnected() {
        targetAt = null;
        hot.clear();
        reader.reset();
    }

    /** Why the source may not go on with this generation; null where it may. */
    @Nullable
    Refusal objection(long generation) {
        Refusal refusal = standing;
        if (refusal != null && (refusal.fault() == FaultCode.FENCED || generation <= standingGeneration)) {
            return refusal;
        }
        if (generation != 0 && generation < journaled.generation()) {
            return new Refusal(route.machine(), FaultCode.STALE_GENERATION,
                    "the master target stands at " + journaled + " already");
        }
        if (generation != 0 && generation == basisUnknown) {
            return new Refusal(route.machine(), FaultCode.BASIS_UNKNOWN,
                    "the master target does not know what generation " + basisUnknown + " builds upon");
        }
        return null;
    }

    /** Whether the target has journaled everything that is held. */
    boolean isDelivered() {
        return journaled.isAtLeast(spool.accepted()) || (spool.first().equals(Position.NONE) && spool.isSettled());
    }

    Position forwarded() {
        return forwarded;
    }

    Position journaled() {
        return journaled;
    }

    Position applied() {
        return applied;
    }

    /** Bytes of frames given to links since the start. */
    long givenBytes() {
        return givenBytes;
    }

    /** What the sender does; null where the target has not been dialled. */
    StreamSender.@Nullable Status status() {
        return sender == null ? null : sender.status();
    }

    /** The refusal that stands; null where there is none. */
    @Nullable
    Refusal standing() {
        return standing;
    }

    void close() {
        closed = true;
        if (sender != null) {
            sender.close();
        }
        disconnected();
    }
}

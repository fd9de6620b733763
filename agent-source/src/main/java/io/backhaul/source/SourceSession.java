package io.backhaul.source;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.FrameFeed;
import io.backhaul.engine.stream.StreamSender;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The head of the source: decides when a generation begins and on which basis, feeds the sender from the window, releases
 * what is safe, and lets the dirty map advance with what is journaled. Owned by its loop; files are touched on the state's
 * lane only.
 *
 * <p>
 * Invariants: a generation is durable in the state before its first frame exists; the basis of a generation is journaled and
 * all that changed after it is in the dirty map, or will be compared; the stored state names a journaled position that is
 * not older than any epoch that was cleared.
 */
final class SourceSession implements FrameFeed, Packer.Sink, Reconciler.Host {
    private static final Logger LOG = LoggerFactory.getLogger(SourceSession.class);
    private static final long TICK_NANOS = 500_000_000;
    private static final long MEND_NANOS = 5_000_000_000L;
    private static final long QUIET_LAG_NANOS = 10_000_000_000L;
    private static final String SOFTWARE = "backhaul source";

    /** What a session stands on. */
    record Ports(Loop loop, Lane stateLane, Dialler dialler, RandomGenerator random, ByteBufAllocator allocator,
            FaultLog faults) {}

    /** The hands that it directs. */
    record Hands(ChangeStream stream, Packer packer, SendWindow window, CompressionPolicy policy, StateFile stateFile,
            DirtyMap dirty, VerificationFile verification) {}

    private final SourceOptions options;
    private final List<DiskInfo> disks;
    private final Ports ports;
    private final Hands hands;
    private final Capture capture;
    private final RotatingDialler dialler;
    private final Generations generations;
    private final Reconciler reconciler;
    private final ComparedFrontier frontier = new ComparedFrontier();
    private final LagLedger ledger = new LagLedger();
    private final Outlook outlook = new Outlook();
    private final SourceWaits waits = new SourceWaits();
    private final Resending resending;
    private final Verifier verifier;

    private SessionState state = new SessionState.Unborn();
    private SourceState stored;
    private UUID durableReplica;
    private @Nullable StreamSender sender;
    private boolean linked;
    private long lineage;
    private int gaps;
    private boolean storedChanged;
    private boolean saving;
    /** Whether what is durable in both slots can be gone on from without a comparison. */
    private boolean vouched;
    private Positions reported;
    private Position sent = Position.NONE;
    private Position orderedFrom = Position.NONE;
    private long unorderedNanos;
    private long sentBytes;
    private long packedPlainBytes;
    private long packedBytes;

    SourceSession(SourceOptions options, List<SourceDisk> disks, Ports ports, Hands hands, Reconciler.Ports reading,
            Opening opening) {
        this.options = options;
        this.disks = disks.stream().map(SourceDisk::info).toList();
        this.ports = ports;
        this.hands = hands;
        this.capture = opening.capture();
        this.stored = opening.state();
        this.durableReplica = stored.replica();
        this.generations = new Generations(ports.random(), stored.generation());
        this.dialler = new RotatingDialler(ports.dialler(), options.route().processServers());
        this.reconciler = new Reconciler(options.machine().id(), disks, reading, this);
        this.resending = new Resending(this.disks, hands.stream(), ports.loop().clock());
        var host = new VerifierHost(this, resending, ports.faults(), options.machine().name());
        var means = new Verifier.Ports(ports.loop(), reading.reader(), ports.stateLane(), hands.stream(),
                ports.random(), hands.verification());
        this.verifier = new Verifier(options, disks, means, this, host, opening.verification());
        this.reported = nothing();
        this.unorderedNanos = ports.loop().clock().nanos();
    }

    /** With what a session starts. */
    record Opening(SourceState state, Capture capture, @Nullable Verification verification) {}

    private Positions nothing() {
        return new Positions(options.machine().id(), Position.NONE, Position.NONE, Position.NONE, Position.NONE,
                Position.NONE);
    }

    /** Begins, as the rule says. On the loop, once. */
    void start(StartRule rule) {
        if (state instanceof SessionState.Closed) {
            return;
        }
        LOG.info("{}: {}", options.machine().name(), switch (rule) {
            case StartRule.Fresh fresh -> fresh.why();
            case StartRule.GoOn goOn -> "goes on behind " + stored.journaled();
            case StartRule.Resume resume -> "the stream goes on between " + resume.at().first() + " and "
                    + resume.at().last();
            case StartRule.CompareAll all -> "all disks will be compared: " + all.why();
        });
        switch (rule) {
            case StartRule.Fresh fresh -> {
            }
            case StartRule.GoOn goOn -> openNext(false);
            case StartRule.Resume resume -> moveTo(new SessionState.Resuming(resume.at()), "kept by the capture");
            case StartRule.CompareAll all -> openNext(true);
        }
        var route = new StreamSender.Route(options.machine().id(), dialler.address(), Role.PROCESS_SERVER,
                options.route().timing());
        sender = new StreamSender(new StreamSender.Ports(ports.loop(), dialler, ports.random(), ports.allocator()),
                route,
                this);
        tick();
    }

    private void openNext(boolean compareAll) {
        open(generations.after(stored.generation()), compareAll);
    }

    /** Begins a generation; with {@code compareAll} nothing is taken for known. */
    private void open(long generation, boolean compareAll) {
        boolean all = compareAll || stored.journaled().equals(Position.NONE);
        SourceState next = (all ? stored.forgetful(disks) : stored).withGeneration(generation);
        Fidelity fidelity = next.comparing() ? Fidelity.BASELINE : Fidelity.CATCH_UP;
        var start = new GenerationStart(options.machine().id(), generation, ports.loop().clock().wallMicros(),
                next.journaled(), fidelity, next.bootId(), options.machine().name(), disks);
        Welcome welcome = linked && state instanceof SessionState.Opening opening ? opening.welcome() : null;
        moveTo(new SessionState.Opening(start, welcome), fidelity + " on basis " + start.basis());
        stored = next;
        vouched = next.canGoOn();
        lineage = all ? generation : lineage;
        gaps = 0;
        reconciler.halt();
        frontier.clear();
        waits.cancelPlan("the stream begins anew");
        hands.window().begin(generation);
        ledger.begin(generation);
        sent = new Position(generation, 0);
        noteDisorder();
        commence(start, next);
    }

    private void commence(GenerationStart start, SourceState next) {
        ports.stateLane().submit(() -> {
            hands.stateFile().save(next, true);
            hands.stream().begin(start, next.comparedBytes());
            return start;
        }, ports.loop(), new Lane.Outcome<GenerationStart>() {
            @Override
            public void done(GenerationStart begun) {
                durableReplica = next.replica();
                switch (state) {
                    case SessionState.Opening opening when opening.start().generation() == begun.generation() ->
                        flow(opening);
                    case SessionState.Opening another -> LOG.debug("generation {} was overtaken", begun.generation());
                    default -> hands.stream().suspend();
                }
            }

            @Override
            public void failed(IOException cause) {
                ports.faults().report(FaultCode.STORE_FAILED, "state", String.valueOf(cause.getMessage()));
                ports.loop().schedule(MEND_NANOS, () -> {
                    if (state instanceof SessionState.Opening opening
                            && opening.start().generation() == start.generation()) {
                        commence(start, next);
                    }
                });
            }
        });
    }

    private void flow(SessionState.Opening opening) {
        moveTo(new SessionState.Flowing(opening.start()), "begun");
        waits.begun();
        reconciler.begin(new Position(opening.start().generation(), 1), stored.comparing(), stored.comparedBytes());
        Welcome welcome = opening.welcome();
        if (welcome != null) {
            resume(welcome);
        } else if (linked) {
            reconciler.linked();
        }
        wake();
    }

    private void wake() {
        if (sender != null) {
            sender.wake();
        }
    }

    @Override
    public Hello greeting() {
        long generation = state instanceof SessionState.Unborn ? 0 : stored.generation();
        return new Hello(options.machine().id(), generation, Limits.VERSION, Limits.VERSION, SOFTWARE);
    }

    @Override
    public void resume(Welcome welcome) {
        linked = true;
        ports.faults().clear(FaultCode.UNREACHABLE, dialler.address());
        switch (state) {
            case SessionState.Unborn unborn -> {
                long highest = Math.max(welcome.durable().generation(), welcome.journaled().generation());
                open(generations.after(Math.max(highest, stored.generation())), true);
            }
            case SessionState.Resuming resuming -> resume(resuming, welcome);
            case SessionState.Opening opening ->
                state = new SessionState.Opening(opening.start(), welcome);
            case SessionState.Flowing flowing -> resume(flowing, welcome);
            case SessionState.Halted halted -> {
            }
            case SessionState.Closed closed -> {
            }
        }
    }

    /** Goes on in the generation of an earlier life, where the receiver stands within what the capture has kept. */
    private void resume(SessionState.Resuming resuming, Welcome welcome) {
        Position durable = welcome.durable();
        Observation.Continuation at = resuming.at();
        learnJournaled(welcome.journaled());
        if (durable.generation() > at.last().generation() || durable.isBefore(at.first())
                || durable.isBefore(stored.journaled())) {
            LOG.info("the receiver holds {}, and what follows has not been kept; a new generation begins", durable);
            open(generations.after(Math.max(durable.generation(), stored.generation())),
                    durable.generation() > stored.generation());
            SessionState.Opening opening = (SessionState.Opening) state;
            state = new SessionState.Opening(opening.start(), welcome);
            return;
        }
        if (!at.last().isAtLeast(durable)) {
            superseded("the receiver has " + durable + ", which was never sent from here");
            return;
        }
        // Its beginning was sent long ago; this one only says which generation it is.
        var start = new GenerationStart(options.machine().id(), durable.generation(), ports.loop().clock().wallMicros(),
                stored.journaled(), Fidelity.CATCH_UP, stored.bootId(), options.machine().name(), disks);
        // An ORDERED stretch has been reached, though the state may not have been stored since.
        stored = stored.compared(disks.stream().mapToLong(DiskInfo::sizeBytes).toArray(), false);
        storedChanged = true;
        hands.window().resume(durable);
        ledger.begin(durable.generation());
        sent = durable;
        orderedFrom = durable;
        moveTo(new SessionState.Opening(start, welcome), "resumed behind " + durable);
        ports.stateLane().submit(() -> {
            hands.stream().resume(durable, at.last());
            return durable;
        }, ports.loop(), new Lane.Outcome<Position>() {
            @Override
            public void done(Position behind) {
                if (state instanceof SessionState.Opening opening && opening.start().equals(start)) {
                    moveTo(new SessionState.Flowing(start), "resumed");
                    Welcome latest = opening.welcome();
                    if (latest != null) {
                        resume(new SessionState.Flowing(start), latest);
                    }
                    waits.ordered();
                    wake();
                } else if (!(state instanceof SessionState.Opening)) {
                    hands.stream().suspend();
                }
            }

            @Override
            public void failed(IOException cause) {
                throw new IllegalStateException("memory work does not fail", cause);
            }
        });
    }

    private void resume(SessionState.Flowing flowing, Welcome welcome) {
        Position durable = welcome.durable();
        if (isForeign(durable) || isForeign(welcome.journaled())) {
            superseded("the receiver has " + durable.max(welcome.journaled()) + ", which was never sent from here");
            return;
        }
        learnJournaled(welcome.journaled());
        if (durable.generation() > flowing.generation() && stored.acknowledged()) {
            halt(FaultCode.STALE_GENERATION, "the receiver holds " + durable + ", and this agent streams generation "
                    + flowing.generation());
            return;
        }
        if (durable.generation() > flowing.generation()) {
            open(generations.after(durable.generation()), true);
            return;
        }
        if (durable.isBefore(stored.journaled()) || !hands.window().covers(durable)) {
            LOG.info("the receiver holds {}, and what follows is not in the window; a new generation begins", durable);
            openNext(false);
            return;
        }
        hands.window().rewind(durable);
        if (options.buffering().release() == SourceOptions.Release.SPOOLED) {
            release(durable);
        }
        sent = sent.max(durable);
        Position journaled = welcome.journaled().min(durable);
        reported = new Positions(options.machine().id(), durable, durable, journaled, journaled, Position.NONE);
        reconciler.linked();
        relaxIfQuiet();
    }

    /** Whether another agent with this machine's id has sent it: a clone, or this machine before it was set back. */
    private boolean isForeign(Position position) {
        boolean ours = position.generation() == sent.generation() && position.sequence() > sent.sequence();
        return ours || generations.isForeign(position.generation(), lineage);
    }

    /** Somebody streams, or has streamed, as this machine with a higher generation. */
    private void superseded(String why) {
        if (state instanceof SessionState.Halted || state instanceof SessionState.Unborn) {
            return;
        }
        if (stored.acknowledged()) {
            halt(FaultCode.STALE_GENERATION, why);
        } else {
            hands.stream().suspend();
            hands.window().begin(0);
            reconciler.halt();
            moveTo(new SessionState.Unborn(), why);
            StreamSender current = sender;
            if (current != null) {
                ports.loop().execute(() -> current.restart(why));
            }
        }
    }

    private void halt(FaultCode code, String text) {
        if (state instanceof SessionState.Halted) {
            // Two refusals may meet; the first one has said why.
            return;
        }
        ports.faults().report(code, options.machine().name(), text);
        moveTo(new SessionState.Halted(code, text), text);
        hands.stream().suspend();
        hands.window().begin(0);
        reconciler.halt();
        noteDisorder();
        if (code == FaultCode.STALE_GENERATION) {
            forgetWhatIsKnown();
        }
        waits.failAll(code.label() + " " + text + ". " + code.remedy());
    }

    /** A start after this is somebody's decision that this agent is the right one: it is to begin above the other, then. */
    private void forgetWhatIsKnown() {
        stored = stored.superseded();
        SourceState last = stored;
        ports.stateLane().submit(() -> {
            hands.stateFile().save(last, true);
            return last;
        }, ports.loop(), new Lane.Outcome<SourceState>() {
            @Override
            public void done(SourceState saved) {
                LOG.info("{}: a start from here on compares all disks", options.machine().name());
            }

            @Override
            public void failed(IOException cause) {
                ports.faults().report(FaultCode.STORE_FAILED, "state", String.valueOf(cause.getMessage()));
            }
        });
    }

    @Override
    public @Nullable Frame next() {
        if (!(state instanceof SessionState.Flowing)) {
            return null;
        }
        Frame frame = hands.window().next();
        if (frame != null) {
            sent = sent.max(frame.last());
            sentBytes += frame.lengthBytes();
            hands.policy().drained(frame.lengthBytes(), hands.window().waitingBytes(), ports.loop().clock().nanos());
        }
        return frame;
    }

    @Override
    public void progress(Positions positions) {
        if (!(state instanceof SessionState.Flowing flowing)) {
            return;
        }
        if (!sent.isAtLeast(positions.received()) || isForeign(positions.journaled())) {
            superseded("the receiver has " + positions.received() + ", which was never sent from here");
            return;
        }
        reported = positions;
        gaps = 0;
        if (positions.journaled().generation() == flowing.generation() && !stored.acknowledged()) {
            stored = stored.withAcknowledged();
            storedChanged = true;
        }
        release(options.buffering().release() == SourceOptions.Release.SPOOLED
                ? positions.spooled()
                : positions.journaled());
        learnJournaled(positions.journaled());
        relaxIfQuiet();
        reconciler.step();
    }

    private void release(Position upTo) {
        hands.window().release(upTo);
        capture.released(upTo);
    }

    private void learnJournaled(Position journaled) {
        if (journaled.generation() >= lineage && journaled.generation() <= stored.generation()
                && !stored.journaled().isAtLeast(journaled)) {
            stored = stored.withJournaled(journaled);
            ledger.journaled(journaled);
            waits.journaled(journaled);
        }
    }

    private void relaxIfQuiet() {
        Position received = reported.received();
        Position last = hands.window().last();
        if (linked && hands.packer().isIdle() && received.isAtLeast(last)) {
            hands.stream().relax();
        }
    }

    @Override
    public void packed(List<Packer.Packed> frames) {
        for (Packer.Packed packed : frames) {
            long plainBytes = packed.plainBytes();
            long bytes = packed.frame().lengthBytes();
            Position last = packed.frame().last();
            boolean disorder = packed.frame().type() == FrameType.FIDELITY && !hands.stream().isOrdered();
            if (hands.window().add(packed)) {
                ledger.add(last.sequence(), plainBytes, packed.openedNanos());
                packedPlainBytes += plainBytes;
                packedBytes += bytes;
                if (disorder) {
                    orderLost(last);
                }
            }
        }
        wake();
        reconciler.step();
    }

    /** The stream has lost its order: an overflow, a write that failed, or blocks that are asked for again. */
    private void orderLost(Position at) {
        noteDisorder();
        if (state instanceof SessionState.Flowing flowing && !reconciler.isReconciling()) {
            if (!resending.hasDisordered(at)) {
                ports.faults().report(FaultCode.CAPTURE_OVERFLOW, options.machine().name(),
                        "writes could not be kept in order; their blocks are read again");
            }
            waits.cancelPlan("blocks are to be sent again");
            reconciler.begin(new Position(flowing.generation(), 1), false, new long[disks.size()]);
        }
    }

    private void noteDisorder() {
        if (!orderedFrom.equals(Position.NONE)) {
            unorderedNanos = ports.loop().clock().nanos();
            orderedFrom = Position.NONE;
        }
    }

    @Override
    public void control(Frame frame) {
        try {
            if (frame.type() == FrameType.DIGESTS) {
                answered(Digests.read(frame));
            }
        } catch (MalformedBodyException broken) {
            ports.faults().report(FaultCode.BAD_FRAME, dialler.address(), String.valueOf(broken.getMessage()));
        } finally {
            frame.release();
        }
    }

    @Override
    public void resend(Resend resend) {
        if (state instanceof SessionState.Flowing) {
            resending.heed(resend);
        }
    }

    private void answered(Digests digests) {
        boolean ours = reconciler.awaits(digests) || verifier.awaits(digests);
        if (digests.isAnswer() && ours && !mayBuildUpon(digests.replica())) {
            LOG.info("{}: the master target is another one, or has lost what it had", options.machine().name());
            openNext(true);
        } else if (reconciler.answered(digests)) {
            learnJournaled(reconciler.notBefore());
        } else {
            verifier.answered(digests);
        }
    }

    /** Only what differed is sent: so all of a comparison, and all that follows it, is for one replica. */
    private boolean mayBuildUpon(UUID replica) {
        if (stored.replica().equals(Digests.NOBODY)) {
            stored = stored.withReplica(replica);
            storedChanged = true;
            maintain();
        }
        return stored.replica().equals(replica);
    }

    @Override
    public @Nullable UUID comparedWith() {
        UUID replica = stored.replica();
        return replica.equals(durableReplica) ? replica : null;
    }

    @Override
    public Reaction refused(Refusal refusal) {
        FaultCode code = refusal.fault();
        switch (code) {
            case STALE_GENERATION -> superseded(refusal.text());
            case FENCED, DISK_MISMATCH, VERSION_MISMATCH -> halt(code, refusal.text());
            case BASIS_UNKNOWN, GAP -> ports.faults().report(code, dialler.address(), refusal.text());
            default -> {
                ports.faults().report(code, dialler.address(), refusal.text());
                dialler.rotate();
            }
        }
        boolean builds = state instanceof SessionState.Resuming || (state instanceof SessionState.Flowing flowing
                && !(flowing.start().basis().equals(Position.NONE) && stored.replica().equals(Digests.NOBODY)));
        if (code == FaultCode.BASIS_UNKNOWN && builds) {
            openNext(true);
        } else if (code == FaultCode.GAP && state instanceof SessionState.Flowing && ++gaps > 1) {
            openNext(false);
        }
        return state instanceof SessionState.Halted ? Reaction.STOP : Reaction.RETRY;
    }

    @Override
    public void disconnected() {
        linked = false;
        if (state instanceof SessionState.Opening opening) {
            state = new SessionState.Opening(opening.start(), null);
        }
        reconciler.unlinked();
        waits.cancelPlan("the link has gone");
    }

    @Override
    public boolean ask(DigestRequest request) {
        return linked && sender != null && sender.control(request.frame(ports.allocator()));
    }

    @Override
    public void barrier() throws IOException {
        capture.barrier();
    }

    @Override
    public Observation observation() {
        return capture.observation();
    }

    @Override
    public void barrierFailed(String why) {
        ports.faults().report(FaultCode.SOURCE_READ_FAILED, options.machine().name(), why);
        waits.failAll(why);
    }

    @Override
    public void compared() {
        frontier.reached(hands.stream().captured(), reconciler.comparedBytes());
    }

    /** Remembers how far the comparison has come. */
    private void settleCompared(long unmarkedBefore) {
        long[] farthest = frontier.settled(stored.journaled(), unmarkedBefore);
        if (farthest != null) {
            stored = stored.compared(farthest, true);
            storedChanged = true;
        }
    }

    @Override
    public void ordered(Position position) {
        LOG.info("{}: ordered from {} on", options.machine().name(), position);
        orderedFrom = position;
        ports.faults().clear(FaultCode.CAPTURE_OVERFLOW, options.machine().name());
        if (stored.comparing()) {
            stored = stored.compared(reconciler.comparedBytes(), false);
            storedChanged = true;
        }
        frontier.clear();
        resending.ordered();
        waits.ordered();
    }

    @Override
    public void planned(long bytes) {
        waits.planned(bytes);
    }

    @Override
    public void unreadable(int disk, DirtyMap.Stretch stretch, String why) {
        ports.faults().report(FaultCode.SOURCE_READ_FAILED, "disk " + disk, "%d bytes at %d: %s"
                .formatted(stretch.lengthBytes(), stretch.offset(), why));
    }

    /** Lets the dirty map advance, and stores what changed. */
    private void tick() {
        if (state instanceof SessionState.Closed) {
            return;
        }
        long now = ports.loop().clock().nanos();
        reconciler.tick(now);
        verifier.tick();
        outlook.look(now, ledger.lagBytes() + reconciler.leftBytes(), ledger.journaledBytes());
        maintain();
        ports.loop().schedule(TICK_NANOS, this::tick);
    }

    private void maintain() {
        if (saving || !(state instanceof SessionState.Flowing)) {
            return;
        }
        Epochs epochs = hands.stream().advanceEpochs(stored.journaled());
        settleCompared(epochs.unmarkedBefore());
        if (capture.isDoubted() && !stored.run().doubted()) {
            stored = stored.doubted();
            storedChanged = true;
            ports.faults().report(FaultCode.DISK_UNDURABLE, "disks", SourceState.DOUBT);
        }
        if (!storedChanged && epochs.numbers().isEmpty()) {
            return;
        }
        SourceState now = stored;
        boolean durable = !vouched && now.canGoOn();
        saving = true;
        storedChanged = false;
        ports.stateLane().submit(() -> {
            hands.stateFile().save(now, durable);
            epochs.numbers().forEach(hands.dirty()::clear);
            return now;
        }, ports.loop(), new Lane.Outcome<SourceState>() {
            @Override
            public void done(SourceState saved) {
                saving = false;
                vouched |= durable;
                durableReplica = saved.replica();
                hands.stream().epochsDone(epochs, true);
                ports.faults().clear(FaultCode.STORE_FAILED, "state");
            }

            @Override
            public void failed(IOException cause) {
                saving = false;
                storedChanged = true;
                hands.stream().epochsDone(epochs, false);
                ports.faults().report(FaultCode.STORE_FAILED, "state", String.valueOf(cause.getMessage()));
            }
        });
    }

    /** Compares all disks again. Says why not, where it cannot. */
    @Nullable
    String resync() {
        Position begun = state instanceof SessionState.Flowing ? hands.stream().beginBaseline() : null;
        if (begun == null) {
            return "there is no stream to compare in: the agent is " + state.label();
        }
        noteDisorder();
        waits.cancelPlan("a resync begins");
        long[] nothingYet = new long[disks.size()];
        stored = stored.compared(nothingYet, true);
        storedChanged = true;
        frontier.clear();
        maintain();
        reconciler.begin(begun, true, nothingYet);
        return null;
    }

    /** Finds out how much a resync would send. Says why not, where it cannot. */
    @Nullable
    String plan(SourceWaits.Plan plan) {
        if (!linked || !hands.stream().isOrdered() || reconciler.isWorking()) {
            return "a plan needs an ordered stream and a link; see backhaul status";
        }
        waits.plan(plan);
        reconciler.plan(hands.stream().captured());
        return null;
    }

    int nextRequestId() {
        return reconciler.nextRequestId();
    }

    /** Whether nothing is under way that a verification would disturb, or be disturbed by. */
    boolean isQuiet() {
        return linked && state instanceof SessionState.Flowing && hands.stream().isOrdered() && !reconciler.isWorking()
                && ledger.lagNanos(ports.loop().clock().nanos()) < QUIET_LAG_NANOS;
    }

    Verifier verifier() {
        return verifier;
    }

    SourceWaits waits() {
        return waits;
    }

    /** Ends everything but the files. */
    void close() {
        if (state instanceof SessionState.Closed) {
            return;
        }
        moveTo(new SessionState.Closed(), "closed");
        if (sender != null) {
            sender.close();
        }
        reconciler.halt();
        verifier.close();
        waits.failAll("the agent is being stopped");
    }

    /** What is to be stored when the files are closed. */
    SourceState stored() {
        return stored;
    }

    /** The state, and why where it is halted. */
    SessionState state() {
        return state;
    }

    /** All that status tells, but for the stream's part. On the loop. */
    SourceStatus status() {
        StreamSnapshot stream = hands.stream().snapshot(disks.size());
        long now = ports.loop().clock().nanos();
        Position captured = stream.captured();
        boolean recoverable = !orderedFrom.equals(Position.NONE) && stored.journaled().isAtLeast(orderedFrom);
        long lagMillis = ledger.lagNanos(now) / 1_000_000;
        var positions = new SourceStatus.Reached(captured, sent.min(captured), reported.received(), reported.spooled(),
                reported.forwarded(), reported.journaled(), reported.applied());
        var lag = new SourceStatus.Lag(ledger.lagBytes(), lagMillis,
                recoverable ? lagMillis : (now - unorderedNanos) / 1_000_000, stored.journaled());
        var link = sender == null ? null : sender.status();
        var traffic = new SourceStatus.Traffic(stream.capturedBytes(), sentBytes, packedPlainBytes, packedBytes,
                stream.overflows(), reconciler.differingBytes(), resending.bytes());
        boolean streaming = linked && sender != null && sender.isStreaming();
        return new SourceStatus(describe(link), stream.fidelity(), stream.overflowing(), positions, lag,
                outlook.pace(positions, streaming), traffic, verifier.status(),
                SourceStatus.OfDisk.all(disks, stream.pendingBytes(), reconciler.progress()));
    }

    private SourceStatus.State describe(StreamSender.@Nullable Status link) {
        String trouble = state instanceof SessionState.Halted halted
                ? halted.code().label() + " " + halted.text() + ". " + halted.code().remedy()
                : link == null ? "" : link.trouble();
        return new SourceStatus.State(state.label(), link == null ? "" : link.state(), dialler.address(), trouble);
    }

    private void moveTo(SessionState next, String why) {
        if (!state.mayBecome(next)) {
            throw new IllegalStateException("source from " + state.label() + " to " + next.label());
        }
        LOG.debug("{}: {} to {}: {}", options.machine().name(), state.label(), next.label(), why);
        state = next;
    }
}

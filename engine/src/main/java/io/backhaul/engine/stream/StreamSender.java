package io.backhaul.engine.stream;

import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Credit;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Heartbeat;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sending session of one machine's stream: keeps a link to the receiver alive, greets, and sends what the feed gives
 * as far as credit allows. Links come and go, the sender stays.
 *
 * <p>
 * Owned by its loop. Holds at most one frame of its own, the one that waits for credit or for its turn; frames are released by the link
 * once sent. Frames queued in the link are bounded by {@link #MAX_QUEUED_BYTES}.
 */
public final class StreamSender {
    /** Bytes that may wait in the link; enough to keep TLS busy, little enough for heartbeats to pass. */
    static final long MAX_QUEUED_BYTES = 2L << 20;
    private static final int MAX_RETRY_AFTER_MILLIS = 600_000;
    private static final Logger LOG = LoggerFactory.getLogger(StreamSender.class);

    /** What a sender stands on. */
    public record Ports(Loop loop, Dialler dialler, RandomGenerator random, ByteBufAllocator allocator, Pace pace) {
        /** As fast as the link takes it. */
        public Ports(Loop loop, Dialler dialler, RandomGenerator random, ByteBufAllocator allocator) {
            this(loop, dialler, random, allocator, Pace.UNBOUNDED);
        }
    }

    /** Whom it serves and whom it dials. */
    public record Route(UUID machine, String address, Role receiver, HopTiming timing) {}

    private final Ports ports;
    private final Route route;
    private final FrameFeed feed;
    private SenderState state;
    private long creditBytes;
    private @Nullable Frame waiting;
    private boolean pumping;
    private boolean paced;
    private Position sent = Position.NONE;
    private final Backoff backoff;
    private Positions heard;
    private long sinceNanos;
    private long heardNanos;
    private long receivedBytes;
    private String trouble = "";

    public StreamSender(Ports ports, Route route, FrameFeed feed) {
        this.ports = ports;
        this.route = route;
        this.feed = feed;
        this.backoff = new Backoff(route.timing(), ports.random());
        this.heard = new Positions(route.machine(), Position.NONE, Position.NONE, Position.NONE, Position.NONE,
                Position.NONE);
        this.sinceNanos = ports.loop().clock().nanos();
        this.state = new SenderState.Waiting(ports.loop().schedule(0, this::dial));
    }

    /** The feed has something to give again. */
    public void wake() {
        if (state instanceof SenderState.Streaming streaming) {
            pump(streaming.link());
        }
    }

    /** Sends a control frame of the role's own, such as DIGEST_REQUEST; takes it over. */
    public boolean control(Frame frame) {
        if (state instanceof SenderState.Streaming streaming) {
            streaming.link().send(frame);
            return true;
        }
        frame.release();
        return false;
    }

    /** Ends the link, if there is one, and dials anew: the feed's position has changed under it. */
    public void restart(String why) {
        Link link = link();
        if (link != null) {
            lost(link, why);
        }
    }

    /** Ends everything. */
    public void close() {
        Link link = link();
        if (!(state instanceof SenderState.Closed)) {
            moveTo(new SenderState.Closed(), "closed");
        }
        if (link != null) {
            forget(link);
        }
    }

    /** The last position handed to a link in this session. */
    public Position sent() {
        return sent;
    }

    public boolean isStreaming() {
        return state instanceof SenderState.Streaming;
    }

    /** What it does, since when by the monotonic clock, and what went wrong last. */
    public record Status(String state, long sinceNanos, String trouble) {}

    public Status status() {
        return new Status(state.label(), sinceNanos, trouble);
    }

    private void dial() {
        if (!(state instanceof SenderState.Waiting)) {
            return;
        }
        moveTo(new SenderState.Dialling(), "dialling " + route.address());
        ports.dialler().dial(route.address(), route.receiver(), ports.loop(), new Dialler.Outcome() {
            @Override
            public void connected(Link link) {
                greet(link);
            }

            @Override
            public void failed(FaultCode code, String why) {
                if (state instanceof SenderState.Dialling) {
                    retry(code.label() + " " + why, 0);
                }
            }
        });
    }

    private void greet(Link link) {
        if (!(state instanceof SenderState.Dialling)) {
            link.close();
            return;
        }
        moveTo(new SenderState.Greeting(link), "connected to " + link.peer());
        heardNanos = ports.loop().clock().nanos();
        link.attach(ports.loop(), new Ears(link));
        link.send(feed.greeting().frame(ports.allocator()));
        ports.loop().schedule(route.timing().greeting().toNanos(), () -> {
            if (state instanceof SenderState.Greeting && isPresent(link)) {
                lost(link, FaultCode.PEER_SILENT.label() + " no welcome from " + link.peer());
            }
        });
    }

    private void heard(Link link, Frame frame) {
        heardNanos = ports.loop().clock().nanos();
        receivedBytes = link.receivedBytes();
        try {
            // Who has offered the link may have asked whether this side is there before it was greeted.
            boolean ofTheLink = (frame.type() == FrameType.REFUSAL || frame.type() == FrameType.PING)
                    && frame.machine().equals(Reception.NO_MACHINE);
            if (!ofTheLink && !frame.machine().equals(route.machine())) {
                throw new MalformedBodyException(frame.type() + " of machine " + frame.machine());
            }
            dispatch(link, frame);
        } catch (MalformedBodyException broken) {
            lost(link, FaultCode.BAD_FRAME.label() + " " + broken.getMessage());
        } finally {
            frame.release();
        }
    }

    private void dispatch(Link link, Frame frame) throws MalformedBodyException {
        boolean streaming = state instanceof SenderState.Streaming;
        if (streaming == (frame.type() == FrameType.WELCOME) && !isForAnyState(frame.type())) {
            throw new MalformedBodyException(frame.type() + (streaming ? " for a second time" : " before WELCOME"));
        }
        switch (frame.type()) {
            case WELCOME -> welcomed(link, Welcome.read(frame));
            case REFUSAL -> refused(link, Refusal.read(frame));
            case PING -> answer(link, Heartbeat.read(frame));
            case PONG -> Heartbeat.read(frame);
            case POSITIONS -> progress(Positions.read(frame));
            case CREDIT -> credited(link, Credit.read(frame).bytes());
            case DIGESTS -> feed.control(frame.retain());
            case RESEND -> feed.resend(Resend.read(frame));
            case HELLO, DIGEST_REQUEST, GENERATION, FIDELITY, MARK, WRITES ->
                throw new MalformedBodyException(frame.type() + " from a receiver");
        }
    }

    private static boolean isForAnyState(FrameType type) {
        return type == FrameType.REFUSAL || type == FrameType.PING || type == FrameType.PONG;
    }

    private void credited(Link link, long bytes) throws MalformedBodyException {
        if (bytes > Long.MAX_VALUE - creditBytes) {
            throw new MalformedBodyException("credit of " + bytes + " bytes beside " + creditBytes);
        }
        creditBytes += bytes;
        pump(link);
    }

    private void welcomed(Link link, Welcome welcome) throws MalformedBodyException {
        if (welcome.version() != Limits.VERSION) {
            throw new MalformedBodyException("version " + welcome.version() + " was not offered");
        }
        creditBytes = welcome.creditBytes();
        trouble = "";
        heard = new Positions(route.machine(), welcome.durable(), Position.NONE, Position.NONE, Position.NONE,
                Position.NONE);
        sent = welcome.durable();
        moveTo(new SenderState.Streaming(link), "goes on behind " + welcome.durable());
        beat(link);
        feed.resume(welcome);
        wake();
    }

    /** What is lawful, and no step back, goes to the feed. Progress proves a link: the next wait begins short again. */
    private void progress(Positions positions) throws MalformedBodyException {
        if (!positions.areLawful()) {
            throw new MalformedBodyException("unlawful positions " + positions);
        }
        if (!positions.areAtLeast(heard)) {
            throw new MalformedBodyException("positions " + positions + " after " + heard);
        }
        if (heard.received().isBefore(positions.received())) {
            backoff.reset();
        }
        heard = positions;
        feed.progress(positions);
    }

    private void answer(Link link, Heartbeat ping) {
        link.send(new Heartbeat(route.machine(), true, ping.token()).frame(ports.allocator()));
    }

    /** Sends what credit and the link's queue allow. A feed that wakes its sender out of {@code next} is not heard twice. */
    private void pump(Link link) {
        if (pumping) {
            return;
        }
        pumping = true;
        try {
            boolean goOn = true;
            while (goOn) {
                goOn = mayPump(link) && pumpOne(link);
            }
        } finally {
            pumping = false;
        }
    }

    private boolean mayPump(Link link) {
        return isPresent(link) && isStreaming() && link.queuedBytes() < MAX_QUEUED_BYTES;
    }

    private boolean pumpOne(Link link) {
        Frame frame = waiting != null ? waiting : feed.next();
        waiting = null;
        if (frame == null) {
            return false;
        }
        if (!isPresent(link)) {
            frame.release();
            return false;
        }
        if (frame.lengthBytes() > creditBytes) {
            waiting = frame;
            return false;
        }
        long delayNanos = ports.pace().nanosUntil(frame.lengthBytes());
        if (delayNanos > 0) {
            waiting = frame;
            wakeIn(delayNanos);
            return false;
        }
        creditBytes -= frame.lengthBytes();
        sent = frame.last();
        link.send(frame);
        return true;
    }

    private void wakeIn(long delayNanos) {
        if (!paced) {
            paced = true;
            ports.loop().schedule(delayNanos, () -> {
                paced = false;
                wake();
            });
        }
    }

    /** Whether there is something to send that the receiver has given no credit for. */
    public boolean isStarved() {
        return waiting != null && waiting.lengthBytes() > creditBytes;
    }

    private void beat(Link link) {
        if (!isPresent(link)) {
            return;
        }
        long now = ports.loop().clock().nanos();
        if (link.receivedBytes() != receivedBytes) {
            receivedBytes = link.receivedBytes();
            heardNanos = now;
        }
        if (now - heardNanos > route.timing().silenceNanos()) {
            lost(link, FaultCode.PEER_SILENT.label() + " " + link.peer() + " has been silent for "
                    + (now - heardNanos) / 1_000_000 + " ms");
            return;
        }
        link.send(new Heartbeat(route.machine(), false, now).frame(ports.allocator()));
        ports.loop().schedule(route.timing().heartbeat().toNanos(), () -> beat(link));
    }

    private void refused(Link link, Refusal refusal) {
        String words = refusal.fault().label() + " " + refusal.text();
        FrameFeed.Reaction reaction = feed.refused(refusal);
        if (!isPresent(link)) {
            return;
        }
        switch (reaction) {
            case STOP -> {
                trouble = words;
                moveTo(new SenderState.Refused(refusal), words);
            }
            case RETRY -> retry(words, Math.clamp(refusal.retryAfterMillis(), 0, MAX_RETRY_AFTER_MILLIS) * 1_000_000L);
        }
        forget(link);
    }

    private void lost(Link link, String why) {
        if (isPresent(link)) {
            retry(why, 0);
            forget(link);
        }
    }

    private void forget(Link link) {
        if (waiting != null) {
            waiting.release();
            waiting = null;
        }
        link.close();
        feed.disconnected();
    }

    private void retry(String why, long atLeastNanos) {
        trouble = why;
        if (isStreaming()) {
            backoff.resetAfter(ports.loop().clock().nanos() - sinceNanos);
        }
        long delay = backoff.failed(atLeastNanos);
        moveTo(new SenderState.Waiting(ports.loop().schedule(delay, this::dial)), why);
    }

    @SuppressWarnings("ReferenceEquality") // one link, not its like
    private boolean isPresent(Link link) {
        return link == link();
    }

    private @Nullable Link link() {
        return switch (state) {
            case SenderState.Greeting greeting -> greeting.link();
            case SenderState.Streaming streaming -> streaming.link();
            default -> null;
        };
    }

    private void moveTo(SenderState next, String why) {
        if (!state.mayBecome(next)) {
            throw new IllegalStateException("sender from " + state.label() + " to " + next.label());
        }
        if (state instanceof SenderState.Waiting was) {
            was.timer().cancel();
        }
        LOG.debug("{} → {}: {} to {}: {}", route.machine(), route.address(), state.label(), next.label(), why);
        state = next;
        sinceNanos = ports.loop().clock().nanos();
    }

    /** Listens on one link, and goes deaf when another has taken its place. */
    private final class Ears implements Link.Listener {
        private final Link link;

        Ears(Link link) {
            this.link = link;
        }

        @Override
        public void frame(Frame frame) {
            if (isPresent(link)) {
                heard(link, frame);
            } else {
                frame.release();
            }
        }

        @Override
        public void drained() {
            if (isPresent(link)) {
                wake();
            }
        }

        @Override
        public void closed(String why) {
            lost(link, why.isEmpty() ? "the link was closed" : why);
        }
    }
}

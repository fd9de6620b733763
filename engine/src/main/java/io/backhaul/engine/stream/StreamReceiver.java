package io.backhaul.engine.stream;

import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Credit;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Heartbeat;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Welcome;
import io.netty.buffer.ByteBufAllocator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The receiving session of one machine's stream on one link, from the HELLO on. It keeps the law of sequence: each frame
 * follows the one before, or begins a higher generation; everything else is a duplicate, which is dropped, or ends the
 * link. It gives credit for what the sink has released, and tells the sender of progress, grouped.
 *
 * <p>
 * Owned by the machine's loop, on which the link must be attached already. Ends with its link; the machine makes a new one
 * for the next link.
 */
public final class StreamReceiver implements Link.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(StreamReceiver.class);

    /** What a receiver stands on. */
    public record Ports(Loop loop, ByteBufAllocator allocator, HopTiming timing, long creditBytes) {
        public Ports {
            if (creditBytes < Limits.MAX_FRAME_BYTES) {
                throw new IllegalArgumentException("credit of " + creditBytes + " bytes is less than one frame");
            }
        }
    }

    private enum State {
        SETTLING, RECEIVING, CLOSED
    }

    private final Ports ports;
    private final Link link;
    private final Hello hello;
    private final FrameSink sink;
    private final Runnable onClosed;
    private State state = State.SETTLING;
    private long creditBytes;
    private long owedBytes;
    private long heardNanos;
    private long receivedBytes;
    private boolean progressDue;
    private boolean progressPaused;
    private boolean held;

    /**
     * @param onClosed
     *            runs once, when this session has ended
     */
    public StreamReceiver(Ports ports, Link link, Hello hello, FrameSink sink, Runnable onClosed) {
        this.ports = ports;
        this.link = link;
        this.hello = hello;
        this.sink = sink;
        this.onClosed = onClosed;
        this.heardNanos = ports.loop().clock().nanos();
    }

    /** Answers the HELLO, as soon as what came over an earlier link is durable. */
    public void begin() {
        if (!hello.speaksOurVersion()) {
            refuse(FaultCode.VERSION_MISMATCH, "versions " + hello.minVersion() + " to " + hello.maxVersion()
                    + " offered, " + Limits.VERSION + " spoken here");
            return;
        }
        sink.whenSettled(() -> {
            if (state == State.SETTLING) {
                welcome();
            }
        });
        beat();
    }

    private void welcome() {
        Refusal refusal = sink.admit(hello);
        if (refusal != null) {
            refuse(refusal);
            return;
        }
        state = State.RECEIVING;
        creditBytes = ports.creditBytes();
        Position durable = sink.accepted();
        LOG.debug("{} from {} goes on behind {}", hello.machine(), link.peer(), durable);
        link.send(new Welcome(hello.machine(), durable, sink.positions().journaled(), Limits.VERSION,
                (int) ports.timing().heartbeat().toMillis(), creditBytes).frame(ports.allocator()));
        tellProgress();
    }

    @Override
    public void frame(Frame frame) {
        heardNanos = ports.loop().clock().nanos();
        receivedBytes = link.receivedBytes();
        boolean passedOn = false;
        try {
            if (state == State.CLOSED) {
                return;
            }
            if (!frame.machine().equals(hello.machine())) {
                throw new MalformedBodyException(frame.type() + " of machine " + frame.machine());
            }
            passedOn = frame.type().isStream() ? stream(frame) : control(frame);
        } catch (MalformedBodyException broken) {
            refuse(FaultCode.BAD_FRAME, String.valueOf(broken.getMessage()));
        } finally {
            if (!passedOn) {
                frame.release();
            }
        }
    }

    private boolean control(Frame frame) throws MalformedBodyException {
        switch (frame.type()) {
            case PING -> link.send(
                    new Heartbeat(hello.machine(), true, Heartbeat.read(frame).token()).frame(ports.allocator()));
            case PONG -> Heartbeat.read(frame);
            case REFUSAL -> end("the sender ends the link: " + Refusal.read(frame).text());
            case DIGEST_REQUEST -> {
                mustBeReceiving(frame);
                sink.control(frame);
                return true;
            }
            default -> throw new MalformedBodyException(frame.type() + " from a sender");
        }
        return false;
    }

    private void mustBeReceiving(Frame frame) throws MalformedBodyException {
        if (state != State.RECEIVING) {
            throw new MalformedBodyException(frame.type() + " before WELCOME");
        }
    }

    private boolean stream(Frame frame) throws MalformedBodyException {
        mustBeReceiving(frame);
        int length = frame.lengthBytes();
        if (length > creditBytes) {
            refuse(FaultCode.CREDIT_EXCEEDED, length + " bytes sent with credit for " + creditBytes);
            return false;
        }
        creditBytes -= length;
        Position accepted = sink.accepted();
        if (frame.generation() < accepted.generation()) {
            refuse(FaultCode.STALE_GENERATION, "generation " + frame.generation() + " after " + accepted.generation());
            return false;
        }
        if (accepted.isAtLeast(frame.last())) {
            giveCredit(length);
            return false;
        }
        if (frame.generation() > accepted.generation()) {
            return beginGeneration(frame, length);
        }
        if (frame.type() == FrameType.GENERATION || frame.sequence() != accepted.sequence() + 1) {
            refuse(FaultCode.GAP, frame.first() + " does not follow " + accepted);
            return false;
        }
        return take(frame, length, frame.type() == FrameType.FIDELITY ? sink.judge(FidelityChange.read(frame)) : null);
    }

    private boolean beginGeneration(Frame frame, int length) throws MalformedBodyException {
        if (frame.type() != FrameType.GENERATION) {
            refuse(FaultCode.GAP, frame.first() + " does not follow " + sink.accepted());
            return false;
        }
        return take(frame, length, sink.judge(GenerationStart.read(frame)));
    }

    private boolean take(Frame frame, int length, @Nullable Refusal refusal) {
        if (refusal != null) {
            refuse(refusal);
            return false;
        }
        sink.accept(frame, () -> giveCredit(length));
        return true;
    }

    private void giveCredit(int bytes) {
        owedBytes += bytes;
        boolean allReleased = owedBytes + creditBytes == ports.creditBytes();
        if (state == State.RECEIVING && (allReleased || owedBytes >= ports.creditBytes() / 8)) {
            creditBytes += owedBytes;
            link.send(new Credit(hello.machine(), owedBytes).frame(ports.allocator()));
            owedBytes = 0;
        }
    }

    /** The sink's positions have changed: the sender is told, at once or when the last telling is old enough. */
    public void progressed() {
        progressDue = true;
        if (!progressPaused && state == State.RECEIVING) {
            tellProgress();
        }
    }

    private void tellProgress() {
        progressDue = false;
        Positions positions = sink.positions();
        if (!positions.areLawful()) {
            throw new IllegalStateException("law of positions broken: " + positions);
        }
        link.send(positions.frame(ports.allocator()));
        progressPaused = true;
        ports.loop().schedule(ports.timing().progress().toNanos(), () -> {
            progressPaused = false;
            if (progressDue && state == State.RECEIVING) {
                tellProgress();
            }
        });
    }

    /**
     * Takes nothing more from the link, or goes on: for a sink that has no room though it gave credit. Silence is no sign of
     * death meanwhile.
     */
    public void hold(boolean nothingMore) {
        held = nothingMore;
        heardNanos = ports.loop().clock().nanos();
        link.hold(nothingMore);
    }

    /** Sends a control frame of the role's own, such as DIGESTS; takes it over. */
    public void send(Frame frame) {
        if (state == State.RECEIVING) {
            link.send(frame);
        } else {
            frame.release();
        }
    }

    /** Sends a control frame that may be lost, such as RESEND, unless much waits to be sent; takes it over. */
    public boolean offer(Frame frame) {
        boolean isRoom = state == State.RECEIVING && link.queuedBytes() < Link.LOW_WATER_BYTES;
        if (isRoom) {
            link.send(frame);
        } else {
            frame.release();
        }
        return isRoom;
    }

    private void beat() {
        if (state == State.CLOSED) {
            return;
        }
        long now = ports.loop().clock().nanos();
        if (link.receivedBytes() != receivedBytes) {
            receivedBytes = link.receivedBytes();
            heardNanos = now;
        }
        if (!held && now - heardNanos > ports.timing().silenceNanos()) {
            refuse(FaultCode.PEER_SILENT, "nothing heard for " + (now - heardNanos) / 1_000_000 + " ms");
            return;
        }
        link.send(new Heartbeat(hello.machine(), false, now).frame(ports.allocator()));
        ports.loop().schedule(ports.timing().heartbeat().toNanos(), this::beat);
    }

    /** Ends the link with a reason that the sender is told. */
    public void refuse(FaultCode code, String text) {
        refuse(new Refusal(hello.machine(), code, text));
    }

    /** Ends the link with a reason that the sender is told. */
    public void refuse(Refusal refusal) {
        if (state != State.CLOSED) {
            link.send(refusal.frame(ports.allocator()));
            end(refusal.fault().label() + " " + refusal.text());
        }
    }

    @Override
    public void closed(String why) {
        end(why);
    }

    private void end(String why) {
        if (state != State.CLOSED) {
            LOG.debug("{} from {} ends: {}", hello.machine(), link.peer(), why);
            state = State.CLOSED;
            link.close();
            onClosed.run();
        }
    }
}

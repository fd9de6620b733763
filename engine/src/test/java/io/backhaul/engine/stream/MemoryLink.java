package io.backhaul.engine.stream;

import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Identity;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** One end of a connection in memory. Frames arrive in order, after the delay; a cut loses those under way. */
public final class MemoryLink implements Link {
    private final TestLoop loop;
    private final Identity peer;
    private final long delayNanos;
    private final Queue<Frame> under = new ArrayDeque<>();
    /** What this end has sent. */
    final List<FrameType> types = new ArrayList<>();
    /** What is lost silently on the way to the other end. */
    Predicate<Frame> loses = frame -> false;
    /** What the operating system does not take, besides what is under way. */
    public long stuckBytes;
    private @Nullable MemoryLink other;
    private @Nullable Listener listener;
    private long queuedBytes;
    private long receivedBytes;
    private final Queue<Frame> heldBack = new ArrayDeque<>();
    private boolean held;
    private boolean closing;
    private boolean ended;

    private MemoryLink(TestLoop loop, Identity peer, long delayNanos) {
        this.loop = loop;
        this.peer = peer;
        this.delayNanos = delayNanos;
    }

    /** Two ends: the dialler's, then the acceptor's. */
    public static List<MemoryLink> pair(TestLoop loop, Identity dialler, Identity acceptor, long delayNanos) {
        MemoryLink near = new MemoryLink(loop, acceptor, delayNanos);
        MemoryLink far = new MemoryLink(loop, dialler, delayNanos);
        near.other = far;
        far.other = near;
        return List.of(near, far);
    }

    private MemoryLink other() {
        return Objects.requireNonNull(other);
    }

    @Override
    public Identity peer() {
        return peer;
    }

    @Override
    public String remoteAddress() {
        return "memory:1";
    }

    @Override
    public void attach(Loop on, Listener who) {
        listener = who;
    }

    @Override
    public void send(Frame frame) {
        if (!isOpen()) {
            frame.release();
            return;
        }
        types.add(frame.type());
        under.add(frame);
        queuedBytes += frame.lengthBytes();
        loop.schedule(delayNanos, this::carry);
    }

    private void carry() {
        Frame frame = under.poll();
        if (frame == null) {
            return;
        }
        long before = queuedBytes;
        queuedBytes -= frame.lengthBytes();
        if (loses.test(frame)) {
            frame.release();
        } else {
            other().receive(frame);
        }
        if (before >= LOW_WATER_BYTES && queuedBytes < LOW_WATER_BYTES && isOpen() && listener != null) {
            listener.drained();
        }
    }

    @Override
    public void hold(boolean nothingMore) {
        held = nothingMore;
        loop.execute(this::readOn);
    }

    private void receive(Frame frame) {
        heldBack.add(frame);
        readOn();
    }

    private void readOn() {
        while (!heldBack.isEmpty() && (!held || !isOpen())) {
            take(heldBack.remove());
        }
    }

    private void take(Frame frame) {
        receivedBytes += frame.lengthBytes();
        if (isOpen() && listener != null) {
            listener.frame(frame);
        } else {
            frame.release();
        }
    }

    /** A part of a long frame arrives, and nothing else. */
    void trickle() {
        receivedBytes++;
    }

    @Override
    public long receivedBytes() {
        return receivedBytes;
    }

    @Override
    public long queuedBytes() {
        return queuedBytes + stuckBytes;
    }

    @Override
    public void close() {
        if (isOpen()) {
            closing = true;
            loop.schedule(delayNanos, () -> {
                other().end("the peer closed the link");
                end("");
            });
        }
    }

    /** The connection breaks: what is under way in either direction is lost. */
    public void cut() {
        end("cut");
        other().end("cut");
    }

    public boolean isOpen() {
        return !ended && !closing;
    }

    private void end(String why) {
        if (ended) {
            return;
        }
        ended = true;
        under.forEach(Frame::release);
        under.clear();
        heldBack.forEach(Frame::release);
        heldBack.clear();
        queuedBytes = 0;
        loop.execute(() -> {
            if (listener != null) {
                listener.closed(closing ? "" : why);
            }
        });
    }
}

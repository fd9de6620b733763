package io.backhaul.cli;

import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.log.StreamFixture;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.FrameFeed;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.StreamSender;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A source without a disk: its link, its session and its frames are real, what they say was written is made up. Keeps its
 * frames until they are spooled. Owned by its loop, but for {@link #lagNanos}.
 */
final class CrowdSource implements FrameFeed {
    private static final int FLOOD_BYTES = 256 << 10;

    private final Loop loop;
    private final UUID machine;
    private final StreamFixture stream;
    private final Lags lags;
    private final Deque<Frame> unsent = new ArrayDeque<>();
    private final Deque<Frame> sent = new ArrayDeque<>();
    private final Deque<Pending> pending = new ArrayDeque<>();
    private final StreamSender sender;
    private volatile long oldestNanos = Long.MAX_VALUE;
    private boolean streaming;
    private boolean flooding;
    private final AtomicLong journaledBytes = new AtomicLong();

    /** A frame that is not journaled yet. */
    private record Pending(Position last, long nanos, int lengthBytes) {}

    /** On its loop. */
    CrowdSource(Loop loop, Dialler dialler, UUID machine, String address, Lags lags) {
        this.loop = loop;
        this.machine = machine;
        this.lags = lags;
        SplittableRandom random = new SplittableRandom(machine.getLeastSignificantBits());
        this.stream = new StreamFixture(machine, random);
        add(stream.generation(Position.NONE));
        this.sender = new StreamSender(new StreamSender.Ports(loop, dialler, random, ByteBufAllocator.DEFAULT),
                new StreamSender.Route(machine, address, Role.PROCESS_SERVER, HopTiming.DEFAULT), this);
    }

    private void add(Frame frame) {
        unsent.add(frame);
        pending.add(new Pending(frame.last(), loop.clock().nanos(), frame.lengthBytes()));
        oldestNanos = pending.getFirst().nanos();
    }

    void write(int bytes) {
        add(stream.writes(1, bytes));
        sender.wake();
    }

    /** Whether it sends as much as it can. */
    void flood(boolean all) {
        flooding = all;
        sender.wake();
    }

    /** How old the oldest is that is not journaled; 0 where all is. From any thread. */
    long lagNanos(long nowNanos) {
        long oldest = oldestNanos;
        return oldest == Long.MAX_VALUE ? 0 : Math.max(0, nowNanos - oldest);
    }

    /** From any thread. */
    long journaledBytes() {
        return journaledBytes.get();
    }

    @Override
    public Hello greeting() {
        return new Hello(machine, stream.last().generation(), Limits.VERSION, Limits.VERSION, "crowd");
    }

    @Override
    public void resume(Welcome welcome) {
        while (!sent.isEmpty()) {
            unsent.addFirst(sent.removeLast());
        }
        while (!unsent.isEmpty() && welcome.durable().isAtLeast(unsent.getFirst().last())) {
            unsent.removeFirst().release();
        }
        streaming = true;
    }

    @Override
    public @Nullable Frame next() {
        if (streaming && flooding && unsent.isEmpty()) {
            add(stream.writes(1, FLOOD_BYTES));
        }
        if (!streaming || unsent.isEmpty()) {
            return null;
        }
        Frame frame = unsent.removeFirst();
        sent.add(frame);
        return frame.retain();
    }

    @Override
    public void progress(Positions positions) {
        while (!sent.isEmpty() && positions.spooled().isAtLeast(sent.getFirst().last())) {
            sent.removeFirst().release();
        }
        long now = loop.clock().nanos();
        while (!pending.isEmpty() && positions.journaled().isAtLeast(pending.getFirst().last())) {
            Pending done = pending.removeFirst();
            lags.add(now - done.nanos());
            journaledBytes.addAndGet(done.lengthBytes());
        }
        oldestNanos = pending.isEmpty() ? Long.MAX_VALUE : pending.getFirst().nanos();
    }

    @Override
    public void control(Frame frame) {
        frame.release();
    }

    @Override
    public Reaction refused(Refusal refusal) {
        return Reaction.RETRY;
    }

    @Override
    public void disconnected() {
        streaming = false;
    }

    void close() {
        sender.close();
        sent.forEach(Frame::release);
        unsent.forEach(Frame::release);
    }
}

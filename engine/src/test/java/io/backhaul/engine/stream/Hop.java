package io.backhaul.engine.stream;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A sender, a reception and a receiver on one loop in virtual time, and a network between them that a test may break. */
final class Hop implements Dialler {
    static final HopTiming TIMING = HopTiming.DEFAULT;
    private static final Identity RECEIVER = new Identity(Role.PROCESS_SERVER, UUID.randomUUID());
    final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false, true);
    final TestLoop loop = new TestLoop();
    final Random random;
    final CountedFeed feed;
    final SlowSink sink;
    final StreamSender sender;
    final Reception reception;
    final List<Long> dials = new ArrayList<>();
    private final long delayNanos;
    private final long creditBytes;
    Identity identity = new Identity(Role.SOURCE, CountedFeed.MACHINE);
    boolean unreachable;
    boolean deafAcceptor;
    @Nullable
    MemoryLink near;
    @Nullable
    MemoryLink far;
    @Nullable
    StreamReceiver receiver;

    Hop(long seed, int frames, int largestBytes, long creditBytes) {
        this.random = new Random(seed);
        this.delayNanos = random.nextInt(3_000_000);
        this.creditBytes = creditBytes;
        this.feed = new CountedFeed(random, allocator, frames, largestBytes);
        this.sink = new SlowSink(loop, 1 + random.nextInt(20_000_000));
        this.reception = new Reception(new Reception.Ports(loop, allocator, TIMING, 4, new FaultLog(loop)),
                this::welcome);
        sink.onProgress(() -> {
            if (receiver != null) {
                receiver.progressed();
            }
        });
        this.sender = new StreamSender(new StreamSender.Ports(loop, this, random, allocator),
                new StreamSender.Route(CountedFeed.MACHINE, "memory:1", Role.PROCESS_SERVER, TIMING), feed);
    }

    private void welcome(Link link, Hello hello) {
        if (receiver != null) {
            receiver.refuse(FaultCode.DISPLACED, "a newer link");
        }
        StreamReceiver fresh = new StreamReceiver(new StreamReceiver.Ports(loop, allocator, TIMING, creditBytes), link,
                hello, sink, () -> {});
        receiver = fresh;
        link.attach(loop, fresh);
        fresh.begin();
    }

    @Override
    public void dial(String address, Role role, Loop on, Outcome outcome) {
        dials.add(loop.nanos());
        if (unreachable) {
            on.execute(() -> outcome.failed(FaultCode.UNREACHABLE, "nobody there"));
            return;
        }
        on.schedule(delayNanos, () -> {
            List<MemoryLink> ends = MemoryLink.pair(loop, identity, RECEIVER, delayNanos);
            near = ends.getFirst();
            far = ends.getLast();
            if (!deafAcceptor) {
                reception.accepted(ends.getLast());
            }
            outcome.connected(ends.getFirst());
        });
    }

    void cut() {
        if (near != null) {
            near.cut();
        }
    }

    /** Sends something to the sender as its receiver would. */
    void fromReceiver(Frame frame) {
        if (far != null) {
            far.send(frame);
        }
    }

    /** Sends something to the receiver as its sender would. */
    void fromSender(Frame frame) {
        if (near != null) {
            near.send(frame);
        }
    }

    List<FrameType> sentByReceiver() {
        return far == null ? List.of() : far.types;
    }

    /** Ends everything; afterwards no buffer may be left. */
    long leakedBytes() {
        sender.close();
        loop.runFor(Duration.ofMinutes(1).toMillis());
        feed.release();
        return allocator.metric().usedHeapMemory() + allocator.metric().usedDirectMemory();
    }
}

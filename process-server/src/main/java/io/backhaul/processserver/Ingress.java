package io.backhaul.processserver;

import io.backhaul.engine.log.LogWriter;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.stream.FrameSink;
import io.backhaul.engine.stream.StreamReceiver;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One machine's way in: puts what its source sends into the spool, and from there into the memory that is kept for the
 * target. Owned by the machine's loop.
 */
final class Ingress implements FrameSink {
    private final UUID machine;
    private final ByteBufAllocator allocator;
    private final Spool spool;
    private final HotFrames hot;
    private final LagMeter lag;
    private final MachineRelay relay;
    private final FrameMemory.Share memory;
    private final List<Runnable> waiting = new ArrayList<>();
    private @Nullable StreamReceiver receiver;
    private @Nullable StreamReceiver held;
    private long greetedGeneration;
    private long receivedBytes;

    Ingress(MachineRelay relay, ByteBufAllocator allocator, Spool spool, HotFrames hot, LagMeter lag,
            FrameMemory.Share memory) {
        this.relay = relay;
        this.machine = relay.machine();
        this.allocator = allocator;
        this.spool = spool;
        this.hot = hot;
        this.lag = lag;
        this.memory = memory;
    }

    /** Gives a frame back to whom its memory is due. */
    private record Hold(Ingress ingress, Position before, Runnable released) implements LogWriter.Taker {
        @Override
        public void durable(Frame frame, SegmentLog.Placement at) {
            if (ingress.relay.egress().isStreaming()) {
                ingress.hot.add(frame, before, released);
            } else {
                abandoned(frame);
            }
        }

        @Override
        public void abandoned(Frame frame) {
            frame.release();
            released.run();
        }
    }

    /** A newer link takes the place of the one there was. */
    void attach(StreamReceiver newer, Hello hello) {
        StreamReceiver older = receiver;
        receiver = newer;
        greetedGeneration = hello.generation();
        if (older != null) {
            older.refuse(FaultCode.DISPLACED, "a newer link of " + machine + " has come");
        }
        spool.abandonIfStuck();
        relay.egress().sourceArrived();
        newer.begin();
    }

    /** A session has ended. */
    void detached(StreamReceiver ended) {
        if (ended.equals(receiver)) {
            receiver = null;
            relay.egress().rest();
        }
        if (ended.equals(held)) {
            held = null;
        }
    }

    boolean isLinked() {
        return receiver != null;
    }

    long greetedGeneration() {
        return receiver == null ? 0 : greetedGeneration;
    }

    long receivedBytes() {
        return receivedBytes;
    }

    void refuse(Refusal refusal) {
        if (receiver != null) {
            receiver.refuse(refusal);
        }
    }

    void progressed() {
        if (receiver != null) {
            receiver.progressed();
        }
    }

    void send(Frame frame) {
        if (receiver == null) {
            frame.release();
        } else {
            receiver.send(frame);
        }
    }

    /** Passes on what the target asks for again; who asked asks once more where this does not arrive. */
    void offer(Resend resend) {
        if (receiver != null) {
            receiver.offer(resend.frame(allocator));
        }
    }

    /** Something has changed that tasks may have waited for. */
    void settle() {
        if (isReady()) {
            List<Runnable> ready = new ArrayList<>(waiting);
            waiting.clear();
            ready.forEach(Runnable::run);
        }
    }

    private boolean isReady() {
        boolean settled = spool.isOpen() ? spool.isSettled() : spool.fault() != null;
        return settled && !relay.egress().isExamining();
    }

    @Override
    public Position accepted() {
        return spool.accepted();
    }

    @Override
    public Positions positions() {
        return relay.positions();
    }

    @Override
    public void whenSettled(Runnable task) {
        waiting.add(task);
        settle();
    }

    @Override
    public @Nullable Refusal admit(Hello hello) {
        StoreException fault = spool.fault();
        if (!spool.isOpen()) {
            return new Refusal(machine, fault == null ? FaultCode.STORE_FAILED : fault.code(),
                    "the spool cannot be opened" + (fault == null ? "" : ": " + fault.getMessage()));
        }
        if (hello.generation() != 0 && hello.generation() < spool.accepted().generation()) {
            return new Refusal(machine, FaultCode.STALE_GENERATION, "generation " + hello.generation()
                    + " greets, " + spool.accepted().generation() + " is held already");
        }
        return relay.egress().objection(hello.generation());
    }

    @Override
    public @Nullable Refusal judge(GenerationStart start) {
        return relay.egress().objection(start.generation());
    }

    @Override
    public void accept(Frame frame, Runnable released) {
        receivedBytes += frame.lengthBytes();
        lag.came(frame.last(), frame.lengthBytes(), frame.timeMicros());
        int length = frame.lengthBytes();
        memory.take(length);
        spool.append(frame, new Hold(this, spool.accepted(), () -> {
            memory.giveBack(length);
            released.run();
            keepToShare();
        }));
        keepToShare();
        progressed();
    }

    /**
     * Holds the source back while it takes too much memory. What it takes is given back by and by, whatever the others do:
     * so a source that is held back is let go here.
     */
    private void keepToShare() {
        StreamReceiver from = receiver;
        boolean isTooLarge = memory.isTooLarge();
        if (from != null && isTooLarge != from.equals(held)) {
            held = isTooLarge ? from : null;
            from.hold(isTooLarge);
        }
    }

    @Override
    public void control(Frame frame) {
        try {
            DigestRequest request = DigestRequest.read(frame);
            if (!relay.egress().ask(request)) {
                send(Digests.none(request, Digests.Status.UNAVAILABLE).frame(allocator));
            }
        } catch (MalformedBodyException broken) {
            refuse(new Refusal(machine, FaultCode.BAD_FRAME, String.valueOf(broken.getMessage())));
        } finally {
            frame.release();
        }
    }
}

package io.backhaul.simulation.world;

import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameDecoder;
import io.backhaul.protocol.Identity;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection. What it sends travels as bytes, in chunks that are cut where chance wants it, and is decoded at
 * the other end as it would be in earnest.
 */
final class SimLink implements Link {
    private static final long STALL_POLL_NANOS = 20_000_000;
    private final SimNetwork network;
    private final End end;
    private final Cable cable;
    private final FrameDecoder decoder;
    private final Deque<Object> inbox = new ArrayDeque<>();
    private final Deque<Chunk> outbound = new ArrayDeque<>();
    private @Nullable SimLink other;
    private @Nullable Loop loop;
    private @Nullable Listener listener;
    private boolean closing;
    private boolean ended;
    private boolean deaf;
    private boolean held;
    private boolean pumping;
    private long queuedBytes;
    private long receivedBytes;
    private long lastDeparture;
    private long lastArrival;

    /** Whose end this is, and whom it sees at the other. */
    record End(SimProcess process, Identity peer, String remoteAddress) {}

    /** Bytes under way; null bytes stand for the end of the stream. */
    @SuppressWarnings("ArrayRecordComponent")
    private record Chunk(long arrivalNanos, byte @Nullable [] bytes, String why) {}

    private record Farewell(String why) {}

    SimLink(SimNetwork network, End end, Cable cable) {
        this.network = network;
        this.end = end;
        this.cable = cable;
        this.decoder = new FrameDecoder(end.process().allocator());
        end.process().adopt(this);
    }

    void join(SimLink far) {
        other = far;
        far.other = this;
    }

    private SimLink other() {
        return Objects.requireNonNull(other);
    }

    Cable cable() {
        return cable;
    }

    private SimProcess process() {
        return end.process();
    }

    @Override
    public Identity peer() {
        return end.peer();
    }

    @Override
    public String remoteAddress() {
        return end.remoteAddress();
    }

    @Override
    public void attach(Loop to, Listener who) {
        loop = to;
        listener = who;
        if (!inbox.isEmpty()) {
            to.execute(this::deliver);
        }
    }

    @Override
    public long receivedBytes() {
        return receivedBytes;
    }

    @Override
    public void send(Frame frame) {
        if (loop != null && !loop.isCurrent()) {
            throw new IllegalStateException("sent from outside the link's loop: " + frame);
        }
        if (closing || ended) {
            frame.release();
            return;
        }
        byte[] bytes = new byte[frame.lengthBytes()];
        frame.bytes().getBytes(frame.bytes().readerIndex(), bytes);
        network.scheduler().log().show(network.scheduler().nanos(), process().name(),
                () -> "→ " + other().process().name() + " " + Frames.describe(frame));
        network.sent(process(), other().process(), frame);
        frame.release();
        long now = network.scheduler().nanos();
        lastDeparture = Math.max(now, lastDeparture) + cable.sendingNanos(bytes.length);
        queue(bytes);
        if (lastDeparture > now) {
            queuedBytes += bytes.length;
            network.scheduler().after(lastDeparture - now, process(), () -> departed(bytes.length));
        }
    }

    private void departed(int bytes) {
        long before = queuedBytes;
        queuedBytes -= bytes;
        Loop on = loop;
        if (before >= LOW_WATER_BYTES && queuedBytes < LOW_WATER_BYTES && on != null) {
            on.execute(() -> {
                if (!ended && listener != null) {
                    listener.drained();
                }
            });
        }
    }

    private void queue(byte[] bytes) {
        Dice dice = network.dice();
        if (cable.cutChance() > 0 && dice.chance(cable.cutChance())) {
            network.tally().count("link: cut in a frame");
            byte[] part = Arrays.copyOf(bytes, dice.nextInt(bytes.length));
            put(part);
            cut();
        } else if (bytes.length > 1 && dice.chance(0.1)) {
            network.tally().count("link: frame in two chunks");
            int at = 1 + dice.nextInt(bytes.length - 1);
            put(Arrays.copyOf(bytes, at));
            put(Arrays.copyOfRange(bytes, at, bytes.length));
        } else {
            put(bytes);
        }
    }

    private void put(byte[] bytes) {
        lastArrival = Math.max(lastArrival, lastDeparture + cable.travelNanos(network.dice()));
        outbound.add(new Chunk(lastArrival, bytes, ""));
        pump();
    }

    /** One event at a time carries the oldest chunk over, so that bytes keep their order. */
    private void pump() {
        Chunk head = outbound.peek();
        if (!pumping && head != null) {
            pumping = true;
            network.scheduler().after(head.arrivalNanos() - network.scheduler().nanos(), this::carry);
        }
    }

    private void carry() {
        pumping = false;
        Chunk head = outbound.peek();
        if (head == null) {
            return;
        }
        if (cable.mode() == Cable.Mode.STALLED) {
            network.tally().count("link: chunk stalled");
            pumping = true;
            network.scheduler().after(STALL_POLL_NANOS, this::carry);
            return;
        }
        outbound.remove();
        if (cable.mode() == Cable.Mode.SILENT) {
            deaf = true;
            other().deaf = true;
        }
        if (deaf) {
            network.tally().count("link: chunk lost in a half-open connection");
            outbound.clear();
        } else if (head.bytes() == null) {
            other().hear(new Farewell(head.why()));
        } else {
            other().decode(head.bytes());
        }
        pump();
    }

    private void decode(byte[] bytes) {
        if (ended || !process().isAlive()) {
            return;
        }
        receivedBytes += bytes.length;
        var input = Unpooled.wrappedBuffer(bytes);
        while (input.isReadable()) {
            switch (decoder.next(input)) {
                case null -> {
                    return;
                }
                case Decoded.Intact intact -> {
                    network.arrived(other().process(), process(), intact.frame());
                    hear(intact.frame());
                }
                case Decoded.Damaged damaged -> throw new IllegalStateException("damaged on the way: " + damaged);
                case Decoded.Lost lost -> throw new IllegalStateException("lost on the way: " + lost);
            }
        }
    }

    private void hear(Object what) {
        if (ended || !process().isAlive()) {
            if (what instanceof Frame frame) {
                frame.release();
            }
            return;
        }
        inbox.add(what);
        if (loop != null) {
            loop.execute(this::deliver);
        }
    }

    private void deliver() {
        Object what = inbox.poll();
        Listener told = listener;
        if (what == null || told == null) {
            return;
        }
        if (held) {
            inbox.addFirst(what);
            return;
        }
        if (loop != null && !loop.isCurrent()) {
            inbox.addFirst(what);
            loop.execute(this::deliver);
            return;
        }
        if (what instanceof Frame frame) {
            if (ended || closing) {
                frame.release();
            } else {
                told.frame(frame);
            }
        } else if (what instanceof Farewell farewell && !ended) {
            finish();
            told.closed(farewell.why());
        }
    }

    @Override
    public void hold(boolean nothingMore) {
        network.tally().count(nothingMore ? "link: held" : "link: held no more");
        held = nothingMore;
        Loop on = loop;
        if (!held && on != null) {
            inbox.forEach(waiting -> on.execute(this::deliver));
        }
    }

    /** Lets go of everything; the listener has been or will be told. */
    private void finish() {
        ended = true;
        closing = true;
        for (Object what : inbox) {
            if (what instanceof Frame frame) {
                frame.release();
            }
        }
        inbox.clear();
        decoder.close();
        process().forget(this);
        network.ended(this);
    }

    @Override
    public long queuedBytes() {
        return queuedBytes;
    }

    @Override
    public void close() {
        if (closing || ended) {
            return;
        }
        closing = true;
        lastArrival = Math.max(lastArrival, lastDeparture + cable.travelNanos(network.dice()));
        outbound.add(new Chunk(lastArrival, null, "the peer closed the link"));
        pump();
        Loop on = loop;
        if (on != null) {
            on.execute(() -> {
                Listener told = listener;
                if (!ended && told != null) {
                    finish();
                    told.closed("");
                }
            });
        }
    }

    /** Both ends hear at about the same time that the connection was reset; what is under way is lost. */
    void cut() {
        deaf = true;
        other().deaf = true;
        reset("connection reset");
        other().reset("connection reset");
    }

    private void reset(String why) {
        network.scheduler().after(cable.travelNanos(network.dice()), process(), () -> hear(new Farewell(why)));
    }

    /** The process at this end has died: the other is told so, unless the whole host went down. */
    void processDied(boolean silently) {
        ended = true;
        closing = true;
        network.ended(this);
        network.ended(other());
        if (silently && network.dice().chance(0.5)) {
            deaf = true;
            other().deaf = true;
            outbound.clear();
        } else {
            lastArrival = Math.max(lastArrival, network.scheduler().nanos() + cable.travelNanos(network.dice()));
            outbound.add(new Chunk(lastArrival, null, "connection reset by peer"));
            pump();
        }
    }
}

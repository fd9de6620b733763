package io.backhaul.processserver;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.StreamReceiver;
import io.backhaul.engine.stream.StreamSender;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.netty.buffer.ByteBufAllocator;
import java.util.UUID;
import java.util.random.RandomGenerator;

/**
 * One machine's stream through the process server: the way in, the spool, the way out, and the positions between them.
 * Nothing of one machine waits for another's. Owned by its loop; the relay hands links in from other threads.
 */
final class MachineRelay implements Spool.Owner, Egress.Owner {
    /** What a machine stands on; loop and lanes are its own. */
    record Ports(Loop loop, Lane writes, Lane reads, Dialler dialler, RandomGenerator random,
            ByteBufAllocator allocator, FaultLog faults) {}

    /** What all machines share. */
    record Commons(RelayLimits limits, SpoolFolder folder, SpoolBudget budget, FrameMemory memory,
            RateLimits rates) {}

    private final UUID machine;
    private final String target;
    private final Ports ports;
    private final Commons commons;
    private final Spool spool;
    private final HotFrames hot;
    private final LagMeter lag = new LagMeter();
    private final Ingress ingress;
    private final Egress egress;
    private final RateLimits.MachinePace pace;

    MachineRelay(UUID machine, String target, Ports ports, Commons commons) {
        this.machine = machine;
        this.target = target;
        this.ports = ports;
        this.commons = commons;
        RelayLimits limits = commons.limits();
        FrameMemory.Share memory = commons.memory().new Share();
        this.hot = new HotFrames(limits.retainBytes(), memory);
        this.spool = new Spool(new Spool.Ports(ports.loop(), ports.writes(), commons.folder(), machine,
                SegmentLimits.ofSegments(limits.segmentBytes()), ports.allocator(), ports.faults()),
                commons.budget().new Share(), this);
        this.pace = commons.rates().pace(machine);
        this.egress = new Egress(
                new StreamSender.Ports(ports.loop(), ports.dialler(), ports.random(), ports.allocator(), pace),
                new Egress.Reads(ports.reads(), commons.memory().new Share()),
                new Egress.Route(machine, target, limits.timing()), spool, hot, this);
        this.ingress = new Ingress(this, ports.allocator(), spool, hot, lag, memory);
    }

    /** Opens the spool; what it holds is forwarded, whether or not the source comes. */
    void open() {
        ports.loop().execute(spool::open);
    }

    /** A source has come over a new link. Called on the loop that the link is attached to. */
    void welcome(Link link, Hello hello) {
        var session = new Session(link, hello);
        ports.loop().execute(session::begin);
        link.attach(ports.loop(), session.receiver);
    }

    /** A source's session. */
    private final class Session {
        private final StreamReceiver receiver;
        private final Hello hello;

        Session(Link link, Hello hello) {
            long credit = commons.limits().creditBytes();
            this.hello = hello;
            this.receiver = new StreamReceiver(
                    new StreamReceiver.Ports(ports.loop(), ports.allocator(), commons.limits().timing(), credit), link,
                    hello, ingress, this::end);
        }

        void begin() {
            ingress.attach(receiver, hello);
        }

        private void end() {
            ingress.detached(receiver);
        }
    }

    @Override
    public void opened() {
        if (!spool.first().equals(Position.NONE)) {
            lag.came(spool.durable(), spool.sizeBytes(), ports.loop().clock().wallMicros());
            egress.dial();
        }
        egress.place();
        moved();
    }

    @Override
    public void moved() {
        if (egress.isDelivered()) {
            lag.clear();
        }
        ingress.settle();
        ingress.progressed();
        egress.wake();
        egress.rest();
    }

    @Override
    public void progressed() {
        lag.passed(egress.journaled());
        ingress.progressed();
    }

    @Override
    public void answered() {
        ingress.settle();
    }

    @Override
    public void refuseSource(Refusal refusal) {
        ports.faults().report(refusal.fault(), machine.toString(), refusal.text());
        ingress.refuse(refusal);
    }

    @Override
    public void toSource(Frame frame) {
        ingress.send(frame);
    }

    @Override
    public void toSource(Resend resend) {
        ingress.offer(resend);
    }

    @Override
    public boolean hasSource() {
        return ingress.isLinked();
    }

    @Override
    public long greetedGeneration() {
        return ingress.greetedGeneration();
    }

    UUID machine() {
        return machine;
    }

    Egress egress() {
        return egress;
    }

    /**
     * Where the stream stands, by the law: what the target has was here once, and counts as received, also where the spool
     * holds it no more.
     */
    Positions positions() {
        Position journaled = egress.journaled();
        Position forwarded = egress.forwarded().min(spool.durable()).max(journaled);
        Position spooled = spool.durable().max(forwarded);
        return new Positions(machine, spool.accepted().max(spooled), spooled, forwarded, journaled,
                egress.applied().min(journaled));
    }

    /** How it stands now; on the loop. */
    MachineStatus status() {
        return new MachineStatus(machine, state(), target, ingress.isLinked(), egress.isDelivered(), trouble(),
                positions(),
                spool.sizeBytes(), lag.lagBytes(), lag.lagMicros(ports.loop().clock().wallMicros()),
                hot.bytes() + spool.waitingBytes(), ingress.receivedBytes(), egress.givenBytes(), pace.limit());
    }

    private String state() {
        StoreException fault = spool.fault();
        if (fault != null) {
            return switch (fault.kind()) {
                case FULL -> "SPOOL_FULL";
                default -> "SPOOL_FAILED";
            };
        }
        StreamSender.Status sender = egress.status();
        return sender == null ? "IDLE" : sender.state().toUpperCase(java.util.Locale.ROOT);
    }

    private String trouble() {
        StoreException fault = spool.fault();
        if (fault != null) {
            return fault.code().label() + " " + fault.getMessage() + ". " + fault.code().remedy();
        }
        Refusal standing = egress.standing();
        if (standing != null) {
            return standing.fault().label() + " " + standing.text() + ". " + standing.fault().remedy();
        }
        StreamSender.Status sender = egress.status();
        return sender == null ? "" : sender.trouble();
    }

    Loop loop() {
        return ports.loop();
    }

    /** Ends links and closes the spool. */
    void close() {
        ingress.refuse(new Refusal(machine, io.backhaul.protocol.FaultCode.SHUTTING_DOWN, "the process server stops"));
        egress.close();
        spool.close();
    }
}

package io.backhaul.engine.stream;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Acceptor;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Heartbeat;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Links that master targets have made to this side, and offer: who dials such a target by its {@link #address} is given the
 * one that stands in reserve, or waits a while for the next one; all other addresses are dialled. So a sender need not know
 * which side has opened the connection.
 *
 * <p>
 * By its certificate a target offers links in its own name only. One at a time stands in reserve for each: the newest, since
 * the one before may be dead without anyone's knowing. Owned by its loop; {@link #accepted} and {@link #dial} may be called
 * from any thread.
 */
public final class OfferedLinks implements Acceptor, Dialler {
    private static final Logger LOG = LoggerFactory.getLogger(OfferedLinks.class);
    private static final long PATIENCE_NANOS = 5_000_000_000L;

    /**
     * What it stands on.
     *
     * @param dialler
     *            for all other addresses
     */
    public record Ports(Loop loop, ByteBufAllocator allocator, HopTiming timing, Dialler dialler, FaultLog faults) {}

    private final Ports ports;
    private final Set<UUID> targets;
    private final Map<UUID, Offer> reserve = new HashMap<>();
    private final Map<UUID, Deque<Call>> calls = new HashMap<>();
    private final Map<String, UUID> ids = new HashMap<>();

    /**
     * Nobody has come yet.
     *
     * @param targets
     *            who may come
     */
    public OfferedLinks(Ports ports, Set<UUID> targets) {
        this.ports = ports;
        this.targets = Set.copyOf(targets);
        this.targets.forEach(id -> ids.put(address(id), id));
    }

    /** Under which a target is dialled that dials in. */
    public static String address(UUID target) {
        return new Identity(Role.MASTER_TARGET, target).toString();
    }

    @Override
    public void accepted(Link link) {
        Offer offer = new Offer(link);
        link.attach(ports.loop(), offer);
        ports.loop().execute(offer::arrive);
    }

    @Override
    public void dial(String address, Role role, Loop loop, Outcome outcome) {
        UUID target = ids.get(address);
        if (target == null) {
            ports.dialler().dial(address, role, loop, outcome);
        } else {
            Call call = new Call(target, loop, outcome);
            ports.loop().execute(() -> answer(call));
        }
    }

    private void answer(Call call) {
        Offer offer = reserve.remove(call.target);
        if (offer != null) {
            offer.give(call);
            return;
        }
        Deque<Call> waiting = calls.computeIfAbsent(call.target, any -> new ArrayDeque<>());
        waiting.add(call);
        ports.loop().schedule(PATIENCE_NANOS, () -> {
            if (waiting.remove(call)) {
                call.fail("has not dialled in");
            }
        });
    }

    /** Who wants a link. */
    private static final class Call {
        private final UUID target;
        private final Loop loop;
        private final Outcome outcome;

        Call(UUID target, Loop loop, Outcome outcome) {
            this.target = target;
            this.loop = loop;
            this.outcome = outcome;
        }

        void fail(String why) {
            loop.execute(() -> outcome.failed(FaultCode.UNREACHABLE, address(target) + " " + why));
        }
    }

    /** A link that stands in reserve, on the pool's loop; then on its way to a caller, on that one's. */
    private final class Offer implements Link.Listener {
        private final Link link;
        private boolean ended;
        private boolean given;
        private long heardNanos;

        Offer(Link link) {
            this.link = link;
        }

        void arrive() {
            Identity peer = link.peer();
            if (peer.role() != Role.MASTER_TARGET || !targets.contains(peer.id())) {
                turnAway(FaultCode.NOT_AUTHORISED, peer + " is not a master target that dials in here");
                return;
            }
            if (ended) {
                return;
            }
            Deque<Call> waiting = calls.get(peer.id());
            Call first = waiting == null ? null : waiting.poll();
            if (first != null) {
                give(first);
            } else {
                LOG.debug("{} at {} stands in reserve", peer, link.remoteAddress());
                Offer before = reserve.put(peer.id(), this);
                if (before != null) {
                    before.turnAway(FaultCode.DISPLACED, "a newer link stands in reserve");
                }
                heardNanos = ports.loop().clock().nanos();
                watch();
            }
        }

        /** The other side asks every now and then whether this one is there; who does not is not. */
        private void watch() {
            if (ended || given) {
                return;
            }
            if (ports.loop().clock().nanos() - heardNanos > ports.timing().silenceNanos()) {
                turnAway(FaultCode.PEER_SILENT,
                        "nothing heard for " + ports.timing().silenceNanos() / 1_000_000 + " ms");
            } else {
                ports.loop().schedule(ports.timing().heartbeat().toNanos(), this::watch);
            }
        }

        void give(Call call) {
            given = true;
            link.attach(call.loop, this);
            call.loop.execute(() -> {
                if (ended) {
                    call.outcome.failed(FaultCode.UNREACHABLE, address(call.target) + " went before it was greeted");
                } else {
                    call.outcome.connected(link);
                }
            });
        }

        @Override
        public void frame(Frame frame) {
            try {
                if (ended) {
                    return;
                }
                heardNanos = ports.loop().clock().nanos();
                if (frame.type() == FrameType.PING) {
                    Heartbeat ping = Heartbeat.read(frame);
                    link.send(new Heartbeat(ping.machine(), true, ping.token()).frame(ports.allocator()));
                } else {
                    turnAway(FaultCode.BAD_FRAME, frame.type() + " before HELLO");
                }
            } catch (MalformedBodyException broken) {
                turnAway(FaultCode.BAD_FRAME, String.valueOf(broken.getMessage()));
            } finally {
                frame.release();
            }
        }

        private void turnAway(FaultCode code, String why) {
            ports.faults().report(code, link.peer().toString(), why);
            link.send(new Refusal(Reception.NO_MACHINE, code, why).frame(ports.allocator()));
            link.close();
            leave();
        }

        private void leave() {
            ended = true;
            if (!given) {
                reserve.remove(link.peer().id(), this);
            }
        }

        @Override
        public void closed(String why) {
            LOG.debug("{} at {} has gone out of the reserve: {}", link.peer(), link.remoteAddress(), why);
            leave();
        }
    }

    /** How many links stand in reserve; on the loop. */
    public int inReserve() {
        return reserve.size();
    }
}

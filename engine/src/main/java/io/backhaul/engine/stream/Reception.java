package io.backhaul.engine.stream;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Acceptor;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Receives those who have just connected: waits for the HELLO of each, for so long and for so many at once, checks version
 * and machine against the certificate, and hands the link over. Who is refused is told why; refusals are counted, and
 * logged once for each peer and code.
 *
 * <p>
 * Owned by its loop; {@link #accepted} may be called from any thread.
 */
public final class Reception implements Acceptor {
    private static final Logger LOG = LoggerFactory.getLogger(Reception.class);
    /** Machine of a refusal that comes before any machine was named; speaks of the link as a whole. */
    static final UUID NO_MACHINE = new UUID(0, 0);

    /**
     * What it stands on.
     *
     * @param maxWaiting
     *            links that may be waited for at once
     */
    public record Ports(Loop loop, ByteBufAllocator allocator, HopTiming timing, int maxWaiting, FaultLog faults) {}

    /** Where a greeted link goes. */
    @FunctionalInterface
    public interface Host {
        /**
         * A peer has said who it is, lawfully. Called on the reception's loop. The host attaches the link to the machine's
         * loop before it returns, or refuses and closes it.
         */
        void welcome(Link link, Hello hello);
    }

    private final Ports ports;
    private final Host host;
    private final Set<Guest> waiting = new HashSet<>();
    private final Map<FaultCode, Long> refusals = new EnumMap<>(FaultCode.class);
    public Reception(Ports ports, Host host) {
        this.ports = ports;
        this.host = host;
    }

    @Override
    public void accepted(Link link) {
        Guest guest = new Guest(link);
        link.attach(ports.loop(), guest);
        ports.loop().execute(guest::arrive);
    }

    /**
     * A link that this side has made has been greeted, and goes the way of those that were accepted. On the reception's loop;
     * the frame stays the caller's.
     */
    void greeted(Link link, Frame hello) {
        new Guest(link).greet(hello);
    }

    /** How often links were refused here, by code; on the reception's loop. */
    public Map<FaultCode, Long> refusals() {
        return Map.copyOf(refusals);
    }

    /** Links whose HELLO is waited for; on the reception's loop. */
    public int waiting() {
        return waiting.size();
    }

    /** Says why, closes, counts, and logs if this is the first of its kind. Also for hosts; on the reception's loop. */
    public void refuse(Link link, Refusal refusal) {
        refusals.merge(refusal.fault(), 1L, Long::sum);
        ports.faults().report(refusal.fault(), link.peer() + " at " + host(link), "refused: " + refusal.text());
        link.send(refusal.frame(ports.allocator()));
        link.close();
    }

    /** Where the peer is, without the port, which differs each time. */
    private static String host(Link link) {
        return link.remoteAddress().replaceFirst(":[0-9]+$", "");
    }

    private static @Nullable Refusal judge(Hello hello, Identity peer) {
        if (peer.role() == Role.SOURCE && !peer.id().equals(hello.machine())) {
            return new Refusal(hello.machine(), FaultCode.NOT_AUTHORISED,
                    peer + " asks for machine " + hello.machine());
        }
        if (!hello.speaksOurVersion()) {
            return new Refusal(hello.machine(), FaultCode.VERSION_MISMATCH, "versions " + hello.minVersion() + " to "
                    + hello.maxVersion() + " offered, " + Limits.VERSION + " spoken here");
        }
        return null;
    }

    /** A link that has not said HELLO yet. */
    private final class Guest implements Link.Listener {
        private final Link link;
        private boolean done;

        Guest(Link link) {
            this.link = link;
        }

        void arrive() {
            if (done) {
                return;
            }
            if (waiting.size() >= ports.maxWaiting()) {
                turnAway(NO_MACHINE, FaultCode.BUSY, waiting.size() + " links wait already");
                return;
            }
            waiting.add(this);
            long limitNanos = ports.timing().greeting().toNanos();
            ports.loop().schedule(limitNanos, () -> {
                if (!done) {
                    turnAway(NO_MACHINE, FaultCode.PEER_SILENT, "no HELLO within " + limitNanos / 1_000_000 + " ms");
                }
            });
        }

        @Override
        public void frame(Frame frame) {
            try {
                if (!done) {
                    greet(frame);
                }
            } finally {
                frame.release();
            }
        }

        private void greet(Frame frame) {
            if (frame.type() != FrameType.HELLO) {
                turnAway(frame.machine(), FaultCode.BAD_FRAME, frame.type() + " where HELLO was due");
                return;
            }
            try {
                Hello hello = Hello.read(frame);
                Refusal refusal = judge(hello, link.peer());
                if (refusal != null) {
                    turnAway(refusal);
                } else {
                    leave();
                    host.welcome(link, hello);
                }
            } catch (MalformedBodyException broken) {
                turnAway(frame.machine(), FaultCode.BAD_FRAME, String.valueOf(broken.getMessage()));
            }
        }

        private void turnAway(UUID machine, FaultCode code, String text) {
            turnAway(new Refusal(machine, code, text));
        }

        private void turnAway(Refusal refusal) {
            leave();
            refuse(link, refusal);
        }

        private void leave() {
            done = true;
            waiting.remove(this);
        }

        @Override
        public void closed(String why) {
            if (!done) {
                LOG.debug("{} at {} went before it said HELLO: {}", link.peer(), link.remoteAddress(), why);
                leave();
            }
        }
    }
}

package io.backhaul.engine.stream;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Heartbeat;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one link to a process server in reserve, for that one to greet on: the other end of {@link OfferedLinks}. Once it has
 * been greeted it is the {@link Reception}'s, as if it had been accepted, and the next one is made. Asks by PING whether the
 * process server is there, and dials again after a wait that doubles, shortened at random.
 *
 * <p>
 * Owned by its loop, which is the reception's.
 */
public final class LinkOffers {
    private static final Logger LOG = LoggerFactory.getLogger(LinkOffers.class);

    /** What it stands on. */
    public record Ports(Loop loop, ByteBufAllocator allocator, HopTiming timing, Dialler dialler,
            RandomGenerator random,
            FaultLog faults) {}

    private final Ports ports;
    private final String address;
    private final Reception reception;
    private final Backoff backoff;
    private @Nullable Reserve reserve;
    private boolean closed;

    public LinkOffers(Ports ports, String address, Reception reception) {
        this.ports = ports;
        this.address = address;
        this.reception = reception;
        this.backoff = new Backoff(ports.timing(), ports.random());
        ports.loop().execute(this::dial);
    }

    private void dial() {
        if (closed) {
            return;
        }
        ports.dialler().dial(address, Role.PROCESS_SERVER, ports.loop(), new Dialler.Outcome() {
            @Override
            public void connected(Link link) {
                Reserve next = new Reserve(link);
                link.attach(ports.loop(), next);
                if (closed) {
                    link.close();
                } else {
                    reserve = next;
                    ports.faults().clear(FaultCode.UNREACHABLE, address);
                    next.beat();
                }
            }

            @Override
            public void failed(FaultCode code, String why) {
                ports.faults().report(code, address, why);
                again(0);
            }
        });
    }

    private void again(long atLeastNanos) {
        ports.loop().schedule(backoff.failed(atLeastNanos), this::dial);
    }

    /** The link that waits to be greeted. */
    private final class Reserve implements Link.Listener {
        private final Link link;
        private final long madeNanos = ports.loop().clock().nanos();
        private long heardNanos = madeNanos;
        private boolean over;

        Reserve(Link link) {
            this.link = link;
        }

        private void beat() {
            if (over) {
                return;
            }
            long now = ports.loop().clock().nanos();
            if (now - heardNanos > ports.timing().silenceNanos()) {
                ports.faults().report(FaultCode.PEER_SILENT, address, "nothing heard for "
                        + (now - heardNanos) / 1_000_000 + " ms");
                link.close();
                lost(0);
            } else {
                link.send(new Heartbeat(Reception.NO_MACHINE, false, now).frame(ports.allocator()));
                ports.loop().schedule(ports.timing().heartbeat().toNanos(), this::beat);
            }
        }

        @Override
        public void frame(Frame frame) {
            try {
                if (!over) {
                    heardNanos = ports.loop().clock().nanos();
                    take(frame);
                }
            } catch (MalformedBodyException broken) {
                refuse(String.valueOf(broken.getMessage()));
            } finally {
                frame.release();
            }
        }

        private void take(Frame frame) throws MalformedBodyException {
            switch (frame.type()) {
                case HELLO -> {
                    over = true;
                    reserve = null;
                    backoff.reset();
                    dial();
                    reception.greeted(link, frame);
                }
                case PONG -> Heartbeat.read(frame);
                case REFUSAL -> {
                    Refusal refusal = Refusal.read(frame);
                    ports.faults().report(refusal.fault(), address, refusal.text());
                    link.close();
                    lost(Math.clamp(refusal.retryAfterMillis(), 0L, 600_000L) * 1_000_000L);
                }
                default -> refuse(frame.type() + " where HELLO was due");
            }
        }

        private void refuse(String why) {
            ports.faults().report(FaultCode.BAD_FRAME, address, why);
            link.send(new Refusal(Reception.NO_MACHINE, FaultCode.BAD_FRAME, why).frame(ports.allocator()));
            link.close();
            lost(0);
        }

        private void lost(long atLeastNanos) {
            over = true;
            reserve = null;
            backoff.resetAfter(ports.loop().clock().nanos() - madeNanos);
            again(atLeastNanos);
        }

        @Override
        public void closed(String why) {
            if (!over) {
                LOG.debug("{} has gone before it was used: {}", address, why);
                lost(0);
            }
        }
    }

    /** Makes no more; what has been greeted is the reception's. On the loop. */
    public void close() {
        closed = true;
        Reserve last = reserve;
        if (last != null) {
            last.over = true;
            last.link.close();
        }
    }
}

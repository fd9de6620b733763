package io.backhaul.processserver;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.log.LogKind;
import io.backhaul.engine.log.LogWriter;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One machine's spool: opens it, writes to it by group commit, trims it, begins it anew, and tries again what the volume
 * refused. Owned by the machine's loop; the log is touched on the lane of writes, and read on another.
 */
final class Spool {
    private static final long REOPEN_NANOS = 2_000_000_000L;
    private static final long LEAST_TRIM_BYTES = 256 << 10;

    /** What a spool stands on. */
    record Ports(Loop loop, Lane writes, SpoolFolder folder, UUID machine, SegmentLimits limits,
            ByteBufAllocator allocator, FaultLog faults) {}

    /** Who is told. All on the loop. */
    interface Owner {
        /** The spool can be used, for the first time. */
        void opened();

        /** {@link #durable} has moved, or something else has that others may wait for. */
        void moved();
    }

    private final Ports ports;
    private final SpoolBudget.Share share;
    private final Owner owner;
    private @Nullable SegmentLog log;
    private @Nullable LogWriter writer;
    private @Nullable StoreException fault;
    private Position trimmedTo = Position.NONE;
    private boolean trimming;
    private boolean restarting;
    private boolean closed;

    Spool(Ports ports, SpoolBudget.Share share, Owner owner) {
        this.ports = ports;
        this.share = share;
        this.owner = owner;
    }

    void open() {
        ports.writes().submit(
                () -> SegmentLog.salvage(ports.folder().of(ports.machine()), LogKind.SPOOL, ports.machine(),
                        ports.limits(), ports.allocator(),
                        loss -> ports.faults().report(loss.code(), subject(),
                                loss.getMessage() + "; set aside, the source sends again what was in it")),
                ports.loop(), new Lane.Outcome<SegmentLog>() {
                    @Override
                    public void done(SegmentLog opened) {
                        begin(opened);
                    }

                    @Override
                    public void failed(IOException cause) {
                        troubled(StoreException.of(cause, "opening the spool"));
                        ports.loop().schedule(REOPEN_NANOS, () -> {
                            if (!closed) {
                                open();
                            }
                        });
                        owner.moved();
                    }
                });
    }

    private void begin(SegmentLog opened) {
        log = opened;
        share.set(opened.sizeBytes());
        mended();
        writer = new LogWriter(ports.loop(), ports.writes(), opened, share::refuse, new LogWriter.Listener() {
            @Override
            public void committed(Position durable) {
                share.set(opened.sizeBytes());
                owner.moved();
            }

            @Override
            public void faulted(StoreException cause) {
                troubled(cause);
                trim(trimmedTo, true);
                owner.moved();
            }

            @Override
            public void mended() {
                Spool.this.mended();
            }
        });
        if (closed) {
            close();
        } else {
            owner.opened();
        }
    }

    private String subject() {
        return "spool of " + ports.machine();
    }

    private void troubled(StoreException cause) {
        if (fault != null && fault.code() != cause.code()) {
            ports.faults().clear(fault.code(), subject());
        }
        fault = cause;
        ports.faults().report(cause.code(), subject(), String.valueOf(cause.getMessage()));
    }

    private void mended() {
        if (fault != null) {
            ports.faults().clear(fault.code(), subject());
            fault = null;
        }
    }

    /** The log, for readers; null until it is open. */
    @Nullable
    SegmentLog log() {
        return restarting ? null : log;
    }

    boolean isOpen() {
        return writer != null;
    }

    /** Why nothing can be written at present; null where it can. */
    @Nullable
    StoreException fault() {
        return fault;
    }

    /** Whether all that was appended is durable, and nothing else is under way. */
    boolean isSettled() {
        return writer != null && writer.isSettled() && !restarting;
    }

    Position accepted() {
        return writer == null ? Position.NONE : writer.accepted();
    }

    Position durable() {
        return writer == null ? Position.NONE : writer.durable();
    }

    /** The position in front of the first frame held. */
    Position before() {
        return log == null ? Position.NONE : log.before();
    }

    /** The first position held; NONE where no frame is held. */
    Position first() {
        return log == null ? Position.NONE : log.first();
    }

    /** The first generation held above this one; where none is, that of the last position accepted. */
    long generationAbove(long generation) {
        long above = log == null ? 0 : log.generationAbove(generation);
        return above == 0 ? accepted().generation() : above;
    }

    long sizeBytes() {
        return share.takenBytes();
    }

    long waitingBytes() {
        return writer == null ? 0 : writer.waitingBytes();
    }

    void append(Frame frame, LogWriter.Taker taker) {
        if (writer == null) {
            taker.abandoned(frame);
        } else {
            writer.append(frame, taker);
        }
    }

    /** Gives up what waits for a volume that does not take it: the source still has it. */
    void abandonIfStuck() {
        if (writer != null && writer.fault() != null) {
            writer.abandon();
        }
    }

    /** What the target has journaled is needed no more. */
    void trim(Position journaled) {
        trim(journaled, false);
    }

    private void trim(Position journaled, boolean pressing) {
        SegmentLog open = log;
        trimmedTo = trimmedTo.max(journaled);
        long leastBytes = Math.min(ports.limits().segmentBytes() / 2, Math.max(LEAST_TRIM_BYTES, share.evenBytes()));
        if (open == null || trimming || restarting || closed || (!pressing && share.takenBytes() < leastBytes)) {
            return;
        }
        Position upTo = trimmedTo;
        StoreException now = fault;
        boolean full = pressing && now != null && now.kind() == StoreException.Kind.FULL;
        trimming = true;
        ports.writes().submit(() -> {
            long before = open.sizeBytes();
            // What was set aside is delivered by nobody, and was sent again: it is not worth a spool that takes nothing more.
            // First, for trimming all takes room for the header of a new segment.
            boolean discarded = full && SegmentLog.discardSetAside(ports.folder().of(ports.machine()));
            open.trimTo(upTo, leastBytes);
            return discarded || open.sizeBytes() < before;
        }, ports.loop(), new Lane.Outcome<Boolean>() {
            @Override
            public void done(Boolean freed) {
                trimming = false;
                share.set(open.sizeBytes());
                if (writer != null && writer.fault() == null) {
                    mended();
                } else if (writer != null && freed) {
                    writer.tryAgain();
                }
            }

            @Override
            public void failed(IOException cause) {
                trimming = false;
                troubled(StoreException.of(cause, "trimming the spool"));
            }
        });
    }

    /** Gives up everything and begins anew behind {@code before}. */
    void restartAt(Position before, Runnable done) {
        LogWriter open = writer;
        if (open == null || restarting) {
            return;
        }
        restarting = true;
        trimmedTo = Position.NONE;
        open.restartAt(before, () -> {
            restarting = false;
            share.set(log == null ? 0 : log.sizeBytes());
            done.run();
            owner.moved();
        });
    }

    boolean isRestarting() {
        return restarting;
    }

    void close() {
        closed = true;
        LogWriter open = writer;
        SegmentLog files = log;
        if (open != null && files != null) {
            open.close();
            ports.writes().submit(() -> {
                files.close();
                return files;
            }, ports.loop(), new Lane.Outcome<SegmentLog>() {
                @Override
                public void done(SegmentLog done) {
                    share.set(0);
                }

                @Override
                public void failed(IOException cause) {
                    ports.faults().report(FaultCode.STORE_FAILED, subject(), "closing: " + cause.getMessage());
                }
            });
        }
    }
}

package io.backhaul.source;

import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.time.Clock;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.WriteBatch;
import io.backhaul.protocol.WriteBatchBuilder;
import io.backhaul.protocol.Zeroes;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The order point of a machine: every captured write, and every stretch read for a baseline or catch-up, gets its place in
 * the change stream here. Writes are copied into the open batch, which is sealed when it is large or old enough, or at once
 * while nothing else is under way; packing and sending are others' work.
 * <p>
 * Called by any thread. One lock orders everything; it is held for memory work only, so loops may take it. Nothing here
 * ever fails or delays a writer: where there is no room, or no generation, blocks are marked pending instead, and an
 * {@code ORDERED} stretch ends with a FIDELITY record.
 * <p>
 * Invariants: the bits of the dirty map cover every record that is not journaled and every change that is in no record;
 * {@code ORDERED} begins only when nothing is pending and nothing is being read.
 */
public final class ChangeStream {
    private static final long RECORD_BYTES = WriteBatch.RECORD_BYTES;
    private static final int FIRST_BATCH_BYTES = 64 << 10;

    /** What a stream stands on. */
    record Ports(Loop loop, ByteBufAllocator allocator, Room room, DirtyMap dirty, Sealed.Outlet outlet,
            Observation observation) {}

    /** When batches are sealed. */
    record Batching(int batchBytes, long batchAgeNanos) {}

    private final UUID machine;
    private final Ports ports;
    private final Batching batching;
    private final Clock clock;
    private final ReentrantLock lock = new ReentrantLock();
    private final Reads reads = new Reads();

    private boolean open;
    private long generation;
    private long nextSequence = 1;
    private Fidelity fidelity = Fidelity.BASELINE;
    private boolean overflowing;
    private long overflows;
    private long capturedBytes;
    private boolean idle;
    private boolean timerPending;
    private long noticedLosses;
    private long takenLosses;
    private long replayedUntil;
    private @Nullable OpenBatch batch;
    private long orders;

    ChangeStream(UUID machine, Ports ports, Batching batching) {
        this.machine = machine;
        this.ports = ports;
        this.batching = batching;
        this.clock = ports.loop().clock();
    }

    /**
     * A range is about to change on the disk: from now until {@link #settled} it stays marked dirty. For captures that stand
     * in front of the disk; one that only observes needs neither.
     *
     * @return the ticket for {@link #settled}
     */
    public int announce(int disk, long offset, long lengthBytes) {
        lock.lock();
        try {
            return ports.dirty().announce(disk, offset, lengthBytes);
        } finally {
            lock.unlock();
        }
    }

    /** What was announced has been handed over by {@link #write}, {@link #zero} or {@link #failed}. */
    public void settled(int ticket) {
        lock.lock();
        try {
            ports.dirty().settled(ticket);
        } finally {
            lock.unlock();
        }
    }

    /**
     * A write that the disk has taken, in the order of the disk. Copies all that remains in {@code data}, whose position
     * stays.
     */
    public void write(int disk, long offset, ByteBuffer data) {
        int length = data.remaining();
        if (length == 0) {
            return;
        }
        if (Zeroes.isZero(data)) {
            zero(disk, offset, length);
            return;
        }
        lock.lock();
        try {
            note(disk, offset, length, Long.MAX_VALUE);
            if (admit(length + RECORD_BYTES)) {
                append(disk, offset, data);
            } else {
                ports.dirty().markPending(disk, offset, length);
            }
        } finally {
            lock.unlock();
        }
    }

    /** A stretch that the disk reads as zeroes from now on: zeroed, trimmed or written so. */
    public void zero(int disk, long offset, long lengthBytes) {
        if (lengthBytes == 0) {
            return;
        }
        lock.lock();
        try {
            note(disk, offset, lengthBytes, Long.MAX_VALUE);
            if (admit(RECORD_BYTES)) {
                append(disk, offset, lengthBytes);
            } else {
                ports.dirty().markPending(disk, offset, lengthBytes);
            }
        } finally {
            lock.unlock();
        }
    }

    private void append(int disk, long offset, ByteBuffer data) {
        int length = data.remaining();
        for (int done = 0; done < length;) {
            int part = Math.min(length - done, Limits.MAX_DATA_EXTENT_BYTES);
            OpenBatch into = batchFor(part);
            into.builder.data(disk, offset + done, data.slice(data.position() + done, part));
            grow(into, part);
            done += part;
        }
        sealIfDue();
    }

    private void append(int disk, long offset, long lengthBytes) {
        for (long done = 0; done < lengthBytes;) {
            int part = (int) Math.min(lengthBytes - done, Limits.MAX_ZERO_EXTENT_BYTES);
            OpenBatch into = batchFor(0);
            into.builder.zero(disk, offset + done, part);
            grow(into, 0);
            done += part;
        }
        sealIfDue();
    }

    /**
     * A write that was observed, and that the capture keeps until it is released: it finds room always, so ask
     * {@link #takesObserved} before. One record of the stream, of at most 1 MiB.
     *
     * @param at
     *            its number, by {@link Observation#head}
     */
    public void observed(long at, int disk, long offset, ByteBuffer data) {
        boolean zero = Zeroes.isZero(data);
        lock.lock();
        try {
            note(disk, offset, data.remaining(), at);
            if (!open) {
                ports.dirty().markPending(disk, offset, data.remaining());
            } else if (zero) {
                append(disk, offset, (long) data.remaining());
            } else {
                append(disk, offset, data);
            }
        } finally {
            lock.unlock();
        }
    }

    /** A stretch that was observed to become zeroes; at most 1 GiB. */
    public void observedZero(long at, int disk, long offset, long lengthBytes) {
        lock.lock();
        try {
            note(disk, offset, lengthBytes, at);
            if (open) {
                append(disk, offset, lengthBytes);
            } else {
                ports.dirty().markPending(disk, offset, lengthBytes);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Whether the stream is open and has room for so much that was observed. */
    public boolean takesObserved(long bytes) {
        lock.lock();
        try {
            return open && ports.room().fits(bytes);
        } finally {
            lock.unlock();
        }
    }

    public boolean isOpen() {
        lock.lock();
        try {
            return open;
        } finally {
            lock.unlock();
        }
    }

    /** So many losses are known of, by a count that the capture keeps: the order is not whole until they are taken. */
    public void noticeLosses(long count) {
        lock.lock();
        try {
            if (count > noticedLosses) {
                noticedLosses = count;
                overflows++;
                loseOrder();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes the losses over: their blocks are pending from now on. While the stream is not open they stay where they are: it
     * may yet be taken up in order before the first of them, and then they end that order at their place.
     */
    public void takeLosses(Losses losses) {
        lock.lock();
        try {
            if (!open) {
                return;
            }
            loseOrder();
            takenLosses = losses.take((disk, offset, lengthBytes) -> {
                ports.dirty().mark(disk, offset, lengthBytes);
                ports.dirty().markPending(disk, offset, lengthBytes);
                reads.lost(disk, offset, lengthBytes);
            });
            noticedLosses = Math.max(noticedLosses, takenLosses);
        } finally {
            lock.unlock();
        }
    }

    /** Losses up to this count are in the dirty map already. */
    public void lossesTakenBefore(long count) {
        lock.lock();
        try {
            noticedLosses = count;
            takenLosses = count;
        } finally {
            lock.unlock();
        }
    }

    /** A write that the disk refused, or took in part: nobody knows what it holds there, so the stretch is read again. */
    public void failed(int disk, long offset, long lengthBytes) {
        lock.lock();
        try {
            note(disk, offset, lengthBytes, Long.MAX_VALUE);
            ports.dirty().markPending(disk, offset, lengthBytes);
            loseOrder();
        } finally {
            lock.unlock();
        }
    }

    /** Has stretches read and sent again. Answers where the stream stands then; null where it takes nothing. */
    @Nullable
    Position sendAgain(List<Resend.Extent> extents) {
        lock.lock();
        try {
            if (!open || nextSequence <= replayedUntil) {
                return null;
            }
            extents.forEach(each -> ports.dirty().markPending(each.disk(), each.offset(), each.lengthBytes()));
            loseOrder();
            return new Position(generation, nextSequence - 1);
        } finally {
            lock.unlock();
        }
    }

    /** Whether a write of so many bytes would find room now, or needs none. */
    public boolean hasRoomFor(long bytes) {
        return ports.room().fits(bytes + RECORD_BYTES) || !isFlowing();
    }

    /** Holds the caller back until {@link #hasRoomFor}, but no longer than the limit. Never on a loop. */
    void awaitRoom(long bytes, Duration limit) {
        if (!hasRoomFor(bytes)) {
            ports.room().awaitFit(bytes + RECORD_BYTES, limit.toNanos());
        }
    }

    private boolean isFlowing() {
        lock.lock();
        try {
            return open && !overflowing;
        } finally {
            lock.unlock();
        }
    }

    private void note(int disk, long offset, long lengthBytes, long at) {
        ports.dirty().mark(disk, offset, lengthBytes);
        reads.touch(disk, offset, lengthBytes, at);
    }

    private boolean admit(long bytes) {
        if (!open) {
            return false;
        }
        if (overflowing && ports.room().isLow()) {
            overflowing = false;
        }
        if (!overflowing && !ports.room().fits(bytes)) {
            overflowing = true;
            overflows++;
            loseOrder();
        }
        return !overflowing;
    }

    /** From here on the order is not whole until all that is pending has been sent. */
    private void loseOrder() {
        if (open && fidelity == Fidelity.ORDERED) {
            append(Fidelity.CATCH_UP, Digests.NOBODY);
        }
    }

    private Position append(Fidelity next, UUID replica) {
        seal();
        fidelity = next;
        reads.become(next);
        orders++;
        if (next != Fidelity.ORDERED) {
            ports.observation().disordered();
        }
        Position position = take(1);
        Frame frame = new FidelityChange(machine, position, clock.wallMicros(), next, replica).frame(ports.allocator());
        if (next == Fidelity.ORDERED) {
            ports.observation().ordered(frame);
        }
        ready(frame);
        return position;
    }

    private Position take(long records) {
        Position first = new Position(generation, nextSequence);
        nextSequence += records;
        ports.observation().reached(new Position(generation, nextSequence - 1));
        return first;
    }

    private void ready(Frame frame) {
        long room = frame.lengthBytes();
        ports.room().take(room);
        ports.outlet().sealed(new Sealed.Ready(frame, room, clock.nanos()));
        idle = false;
    }

    private OpenBatch batchFor(int dataBytes) {
        OpenBatch current = batch;
        if (current != null && !current.builder.hasRoomFor(dataBytes)) {
            seal();
            current = null;
        }
        if (current == null) {
            int expected = Math.max(dataBytes, idle ? 0 : FIRST_BATCH_BYTES);
            current = new OpenBatch(new WriteBatchBuilder(ports.allocator(), expected),
                    new Position(generation, nextSequence), clock.nanos());
            batch = current;
        }
        return current;
    }

    private void grow(OpenBatch into, int dataBytes) {
        take(1);
        long room = dataBytes + RECORD_BYTES;
        ports.room().take(room);
        into.roomBytes += room;
        capturedBytes += dataBytes;
    }

    private void sealIfDue() {
        OpenBatch current = batch;
        if (current == null) {
            return;
        }
        if (idle || current.builder.payloadBytes() >= batching.batchBytes()) {
            seal();
        } else if (!timerPending) {
            timerPending = true;
            ports.loop().schedule(batching.batchAgeNanos(), this::grownOld);
        }
    }

    private void grownOld() {
        lock.lock();
        try {
            timerPending = false;
            OpenBatch current = batch;
            if (current == null) {
                return;
            }
            long left = current.openedNanos + batching.batchAgeNanos() - clock.nanos();
            if (left <= 0) {
                seal();
            } else {
                timerPending = true;
                ports.loop().schedule(left, this::grownOld);
            }
        } finally {
            lock.unlock();
        }
    }

    private void seal() {
        OpenBatch current = batch;
        if (current != null) {
            batch = null;
            idle = false;
            ports.outlet().sealed(current.sealed(machine, clock.wallMicros()));
        }
    }

    /** All that was sealed has been received: what waits goes at once, and the next write will not wait at all. */
    void relax() {
        lock.lock();
        try {
            if (batch != null) {
                seal();
            } else {
                idle = true;
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Begins a generation; what is in no frame of it, by the dirty map, becomes pending. Walks through it: on a lane.
     *
     * @param comparedBytes
     *            how far the disks have been compared: what lies behind will be
     */
    void begin(GenerationStart start, long[] comparedBytes) {
        lock.lock();
        try {
            discardBatch();
            reads.begin(start.fidelity());
            ports.dirty().foldIntoPending();
            if (!ports.observation().isBehind()) {
                ports.dirty().leaveToComparison(comparedBytes);
            }
            generation = start.generation();
            nextSequence = 1;
            fidelity = start.fidelity();
            orders++;
            overflowing = false;
            open = true;
            replayedUntil = 0;
            ports.observation().begun(generation);
            take(1);
            ready(start.frame(ports.allocator()));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes an {@code ORDERED} generation up again behind a position, as an earlier life of this agent has left it: what
     * follows is what the capture kept of it. Nothing else may be put into it before {@code seen} is reached.
     */
    void resume(Position behind, Position seen) {
        lock.lock();
        try {
            discardBatch();
            generation = behind.generation();
            nextSequence = behind.sequence() + 1;
            fidelity = Fidelity.ORDERED;
            orders++;
            overflowing = false;
            replayedUntil = seen.sequence();
            ports.dirty().holdAll(seen.sequence());
            ports.observation().resume(behind);
            open = true;
        } finally {
            lock.unlock();
        }
    }

    /** A frame of the earlier life, at its place. It becomes the stream's. */
    public void repeated(Frame frame) {
        lock.lock();
        try {
            if (!open || frame.generation() != generation || frame.sequence() != nextSequence) {
                frame.release();
                throw new IllegalStateException(frame + " is not what follows");
            }
            seal();
            take(1);
            ready(frame);
        } finally {
            lock.unlock();
        }
    }

    /** Whether what an earlier life has put into the stream is not all there again. */
    public boolean isReplaying() {
        lock.lock();
        try {
            return open && nextSequence <= replayedUntil;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the stream: from now on blocks are only marked. */
    void suspend() {
        lock.lock();
        try {
            discardBatch();
            open = false;
        } finally {
            lock.unlock();
        }
    }

    private void discardBatch() {
        OpenBatch current = batch;
        if (current != null) {
            batch = null;
            current.builder.discard();
            ports.room().give(current.roomBytes);
        }
    }

    /** Begins to compare all disks again, in the same generation; nothing where there is no generation. */
    @Nullable
    Position beginBaseline() {
        lock.lock();
        try {
            return open ? append(Fidelity.BASELINE, Digests.NOBODY) : null;
        } finally {
            lock.unlock();
        }
    }

    /** Whoever is to be told of all changes from now on, as digests are being recorded; null for nobody. */
    void watch(@Nullable ChunkWatch watch) {
        reads.watch(watch);
    }

    /**
     * Places a mark; null where the stream is not {@code ORDERED}.
     *
     * @param placed
     *            is told before anything comes behind it; memory work
     */
    @Nullable
    Position mark(Mark.Kind kind, String label, Consumer<Mark> placed) {
        lock.lock();
        try {
            if (!open || fidelity != Fidelity.ORDERED || nextSequence <= replayedUntil) {
                return null;
            }
            seal();
            Position position = new Position(generation, nextSequence);
            Mark mark = new Mark(machine, position, clock.wallMicros(), kind, label);
            Frame frame = mark.frame(ports.allocator());
            ports.observation().marked(frame);
            placed.accept(mark);
            take(1);
            ready(frame);
            return position;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends a baseline or catch-up, if nothing is left of it: at the returned position the replica is a state of the source.
     * By the capture's barrier after the last read, the caller has seen to it that the stream has what the reads have seen.
     *
     * @param replica
     *            whose digests the disks have been compared with
     */
    @Nullable
    Position tryOrder(UUID replica) {
        lock.lock();
        try {
            if (overflowing && ports.room().isLow()) {
                overflowing = false;
            }
            if (!open || fidelity == Fidelity.ORDERED || overflowing || reads.isAny()
                    || ports.dirty().isAnyPending() || noticedLosses > takenLosses) {
                return null;
            }
            return append(Fidelity.ORDERED, replica);
        } finally {
            lock.unlock();
        }
    }

    /**
     * A stretch is about to be read.
     *
     * @param toSend
     *            whether all of it will be sent, so that it is pending no more. What is only compared stays pending: digests
     *            may be of a state before records that a later, dropped write has undone.
     */
    Registration register(int disk, DirtyMap.Stretch stretch, boolean toSend) {
        lock.lock();
        try {
            int ticket = ports.dirty().announce(disk, stretch.offset(), stretch.lengthBytes());
            if (toSend) {
                ports.dirty().taken(disk, stretch);
            }
            Registration registration = new Registration(disk, stretch, ticket, ports.observation().head());
            reads.add(registration);
            return registration;
        } finally {
            lock.unlock();
        }
    }

    /** Puts what was read into the stream, without what has been written since; on a lane. */
    boolean reconcile(Registration registration, List<Piece> pieces) {
        WriteBatchBuilder built = Piece.batch(ports.allocator(), registration.disk(), pieces);
        lock.lock();
        try {
            ports.dirty().settled(registration.ticket());
            reads.remove(registration);
            if (registration.isStale() || !open) {
                built.discard();
                return false;
            }
            List<Piece> sent = pieces;
            if (!registration.isUntouched()) {
                built.discard();
                sent = registration.untouched(pieces);
                built = Piece.batch(ports.allocator(), registration.disk(), sent);
            }
            if (built.records() == 0) {
                built.discard();
                return true;
            }
            sent.forEach(piece -> ports.dirty().mark(registration.disk(), piece.offset(), piece.lengthBytes()));
            seal();
            long room = built.payloadBytes() + built.records() * RECORD_BYTES;
            ports.room().take(room);
            var heading = new WriteBatchBuilder.Heading(machine, take(built.records()), clock.wallMicros(), true);
            ports.outlet().sealed(new Sealed.Batch(built, heading, room, clock.nanos()));
            idle = false;
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** A stretch that was registered could not be read: it is pending again. */
    void giveUp(Registration registration) {
        lock.lock();
        try {
            var stretch = registration.stretch();
            ports.dirty().markPending(registration.disk(), stretch.offset(), stretch.lengthBytes());
            ports.dirty().settled(registration.ticket());
            reads.remove(registration);
        } finally {
            lock.unlock();
        }
    }

    /** Begins to note what is written to a stretch, in place of another one; null where the stream is not in order. */
    @Nullable
    Watch watch(int disk, DirtyMap.Stretch stretch) {
        lock.lock();
        try {
            Watch next = isWhole() ? new Watch(disk, stretch, new Position(generation, nextSequence - 1), orders)
                    : null;
            reads.verify(next);
            return next;
        } finally {
            lock.unlock();
        }
    }

    /** Which blocks have been written to since; null where the stream has not been in order all the while. */
    @Nullable
    BitSet touched(Watch since) {
        lock.lock();
        try {
            return reads.isVerified(since) && since.order() == orders && isWhole() ? since.touched() : null;
        } finally {
            lock.unlock();
        }
    }

    private boolean isWhole() {
        return open && fidelity == Fidelity.ORDERED && nextSequence > replayedUntil && noticedLosses <= takenLosses;
    }

    /** The next pending stretch of a disk from an offset on. */
    DirtyMap.@Nullable Stretch nextPending(int disk, long from, int maxBytes) {
        lock.lock();
        try {
            return ports.dirty().nextPending(disk, from, maxBytes);
        } finally {
            lock.unlock();
        }
    }

    /** Lets the epochs of the dirty map advance to {@code journaled}; says which are to be cleared. */
    Epochs advanceEpochs(Position journaled) {
        lock.lock();
        try {
            if (!open) {
                return new Epochs(generation, List.of(), 0);
            }
            ports.dirty().rotate(nextSequence - 1);
            boolean ours = journaled.generation() == generation;
            return new Epochs(generation,
                    ours ? ports.dirty().takeJournaled(journaled.sequence()) : List.of(),
                    ports.dirty().unmarkedBefore());
        } finally {
            lock.unlock();
        }
    }

    /** The epochs taken out have been cleared, or could not be; nothing where the stream has begun anew since. */
    void epochsDone(Epochs epochs, boolean cleared) {
        lock.lock();
        try {
            if (epochs.generation() != generation) {
                return;
            }
            for (int epoch : epochs.numbers()) {
                if (cleared) {
                    ports.dirty().freed(epoch);
                } else {
                    ports.dirty().putBack(epoch);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    StreamSnapshot snapshot(int disks) {
        lock.lock();
        try {
            List<Long> pending = IntStream.range(0, disks).mapToObj(ports.dirty()::pendingBytes).toList();
            return new StreamSnapshot(open, captured(), capturedBytes, fidelity, overflowing, overflows, pending);
        } finally {
            lock.unlock();
        }
    }

    /** Whether every write since is in order and nothing is missing. */
    public boolean isOrdered() {
        lock.lock();
        try {
            return open && fidelity == Fidelity.ORDERED;
        } finally {
            lock.unlock();
        }
    }

    public Position captured() {
        lock.lock();
        try {
            return generation == 0 ? Position.NONE : new Position(generation, nextSequence - 1);
        } finally {
            lock.unlock();
        }
    }
}

package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Brings the replica to the source's state while writes go on: first the sweep of a baseline, which compares every chunk
 * with the master target's digests and sends what differs, then all that is pending by the dirty map, until nothing is.
 * Both go slice by slice: register, read, put into the stream minus what was written since.
 *
 * <p>
 * Owned by the session's loop; reads on a lane, one slice at a time, and only while the window has room to spare. Every
 * step is idempotent: the sweep goes on where {@link #comparedBytes} says.
 */
final class Reconciler {
    private static final int ASKS = 4;
    private static final int FEW_CHUNKS = 512;
    private static final int MANY_CHUNKS = 4096;
    private static final long AGAIN_NANOS = 1_000_000_000;
    private static final long UNREADABLE_NANOS = 5_000_000_000L;
    private static final long CROWDED_NANOS = 10_000_000;
    private static final long SILENCE_NANOS = 60_000_000_000L;

    /** What it stands on. */
    record Ports(Loop loop, Lane reader, ChangeStream stream, Room room, RandomGenerator random) {}

    /** Whom it serves; on the loop but for the barrier. */
    interface Host {
        /** Sends a request for digests; false where there is no link. */
        boolean ask(DigestRequest request);

        /** Returns when every write that the disks have taken so far is in the stream. On the reader's lane. */
        void barrier() throws IOException;

        /** The barrier cannot be had: the disks may have changed unseen. */
        void barrierFailed(String why);

        /** The sweep has got further. */
        void compared();

        /** Nothing is left: the stream is {@code ORDERED} from this position on. */
        void ordered(Position position);

        /** A plan is complete: so much differs. */
        void planned(long bytes);

        /** A stretch could not be read; it is tried again later. */
        void unreadable(int disk, DirtyMap.Stretch stretch, String why);
    }

    /** A request for digests and its answer. */
    private static final class Ask {
        final int disk;
        final long firstChunk;
        final int chunks;
        int requestId;
        boolean asked;
        long askedNanos;
        @Nullable
        Digests answer;
        int doneChunks;

        Ask(int disk, long firstChunk, int chunks) {
            this.disk = disk;
            this.firstChunk = firstChunk;
            this.chunks = chunks;
        }
    }

    private final UUID machine;
    private final List<SourceDisk> disks;
    private final Ports ports;
    private final Host host;
    private final SliceReader slices = new SliceReader();
    private final Deque<Ask> asks = new ArrayDeque<>();
    private final ReconcileProgress progress;
    private final long[] comparedBytes;
    private final long[] askedBytes;

    private boolean working;
    private boolean busy;
    private long run;
    private boolean sweeping;
    private boolean planning;
    private long differingBytes;
    private Position notBefore = Position.NONE;
    /** Begins anywhere, so that a late answer to an earlier process is not taken for one of ours. */
    private int nextRequestId;
    private int chunksPerAsk = FEW_CHUNKS;
    private int pendingDisk;
    private long pendingFrom;
    private boolean foundThisRound;
    private boolean failedThisRound;

    Reconciler(UUID machine, List<SourceDisk> disks, Ports ports, Host host) {
        this.machine = machine;
        this.disks = disks;
        this.ports = ports;
        this.host = host;
        this.nextRequestId = ports.random().nextInt();
        this.comparedBytes = new long[disks.size()];
        this.askedBytes = new long[disks.size()];
        this.progress = new ReconcileProgress(disks.size(), ports.loop().clock());
    }

    /**
     * Begins a catch-up, or a baseline where {@code sweep} is set.
     *
     * @param position
     *            digests must speak of a state not older than this
     * @param compared
     *            how far each disk has been compared already
     */
    void begin(Position position, boolean sweep, long[] compared) {
        begin(position, sweep, false, compared);
    }

    /** Compares everything without sending any of it. Only while the stream is {@code ORDERED}. */
    void plan(Position position) {
        begin(position, true, true, new long[comparedBytes.length]);
    }

    private void begin(Position position, boolean sweep, boolean plan, long[] compared) {
        halt();
        working = true;
        sweeping = sweep;
        planning = plan;
        differingBytes = 0;
        notBefore = position;
        chunksPerAsk = FEW_CHUNKS;
        for (int i = 0; i < comparedBytes.length; i++) {
            comparedBytes[i] = sweep ? compared[i] : disks.get(i).info().sizeBytes();
            askedBytes[i] = comparedBytes[i];
        }
        startRound();
        progress.begin();
        step();
    }

    /** Stops; a slice that is being read ends by itself and counts as far as the stream still takes it. */
    void halt() {
        working = false;
        run++;
        busy = false;
        asks.clear();
    }

    /** Whether a baseline or catch-up is under way. */
    boolean isReconciling() {
        return working && !planning;
    }

    /** Whether anything is under way. */
    boolean isWorking() {
        return working;
    }

    /** What has been found to differ since the last beginning, in bytes to read and send. */
    long differingBytes() {
        return differingBytes;
    }

    /** How far each disk has been compared. */
    long[] comparedBytes() {
        return comparedBytes.clone();
    }

    /** The link stands (again): what was asked is asked anew. */
    void linked() {
        for (Ask ask : asks) {
            if (ask.answer == null) {
                send(ask);
            }
        }
        step();
    }

    /** The link has gone: answers will not come. */
    void unlinked() {
        asks.forEach(ask -> ask.asked = false);
    }

    /** Digests have come; true where they were asked for, so that {@link #notBefore} is known to be journaled. */
    boolean answered(Digests digests) {
        for (Ask ask : asks) {
            if (ask.asked && ask.requestId == digests.requestId() && ask.disk == digests.disk() && ask.answer == null) {
                return take(ask, digests);
            }
        }
        return false;
    }

    /** The position that digests must not be older than. */
    Position notBefore() {
        return notBefore;
    }

    private boolean take(Ask ask, Digests digests) {
        boolean usable = switch (digests.status()) {
            case SOME -> digests.digests().remaining() == ask.chunks * Limits.DIGEST_BYTES;
            case ALL_ZERO -> true;
            case UNAVAILABLE, NOT_FOUND -> false;
        };
        ask.asked = false;
        if (!usable) {
            long now = run;
            ports.loop().schedule(AGAIN_NANOS, () -> {
                if (now == run && !ask.asked && ask.answer == null) {
                    send(ask);
                }
            });
            return false;
        }
        ask.answer = digests;
        chunksPerAsk = digests.status() == Digests.Status.ALL_ZERO ? Math.min(chunksPerAsk * 2, MANY_CHUNKS)
                : FEW_CHUNKS;
        step();
        return true;
    }

    /** Asks again what has been without an answer for long. Called now and then. */
    void tick(long nowNanos) {
        for (Ask ask : asks) {
            if (ask.asked && nowNanos - ask.askedNanos > SILENCE_NANOS) {
                send(ask);
            }
        }
    }

    private void send(Ask ask) {
        ask.requestId = nextRequestId++;
        ask.askedNanos = ports.loop().clock().nanos();
        ask.asked = host.ask(new DigestRequest(machine, notBefore, ask.requestId, ask.disk, SliceReader.CHUNK_BYTES,
                ask.firstChunk, ask.chunks));
    }

    /** Goes on as far as it can: something has been answered, read or released. */
    void step() {
        if (!working || busy) {
            return;
        }
        if (sweeping) {
            askMore();
            Ask head = asks.peek();
            if (head != null) {
                sweep(head);
                return;
            }
            sweeping = false;
            if (planning) {
                working = false;
                host.planned(differingBytes);
                return;
            }
            startRound();
        }
        catchUp();
    }

    private void askMore() {
        for (int disk = 0; disk < askedBytes.length && asks.size() < ASKS; disk++) {
            long size = disks.get(disk).info().sizeBytes();
            while (askedBytes[disk] < size && asks.size() < ASKS) {
                long firstChunk = askedBytes[disk] / SliceReader.CHUNK_BYTES;
                long left = (size + SliceReader.CHUNK_BYTES - 1) / SliceReader.CHUNK_BYTES - firstChunk;
                Ask ask = new Ask(disk, firstChunk, (int) Math.min(left, chunksPerAsk));
                askedBytes[disk] = Math.min(size, (firstChunk + ask.chunks) * SliceReader.CHUNK_BYTES);
                asks.add(ask);
                send(ask);
            }
        }
    }

    private void sweep(Ask ask) {
        Digests answer = ask.answer;
        if (answer == null || !ports.room().fitsReconciled(SliceReader.SLICE_BYTES)) {
            return;
        }
        long size = disks.get(ask.disk).info().sizeBytes();
        long offset = (ask.firstChunk + ask.doneChunks) * SliceReader.CHUNK_BYTES;
        long end = Math.min(size, (ask.firstChunk + ask.chunks) * SliceReader.CHUNK_BYTES);
        BlockDevice device = disks.get(ask.disk).device();
        int firstDigest = ask.doneChunks;
        boolean plan = planning;
        onLane(ask.disk, new DirtyMap.Stretch(offset, Math.min(end - offset, SliceReader.SLICE_BYTES)), slice -> {
            if (answer.status() == Digests.Status.ALL_ZERO) {
                long zero = slices.zeroRun(device, offset, end - offset);
                if (zero >= slice.lengthBytes()) {
                    return new Read(
                            zero == end - offset ? zero : zero / SliceReader.CHUNK_BYTES * SliceReader.CHUNK_BYTES,
                            0, "", false);
                }
            }
            PieceSource source = () -> slices.differing(device, slice, answer, firstDigest);
            return plan ? new Read(slice.lengthBytes(), bytesOf(source.read()), "", false)
                    : read(ask.disk, slice, false, source);
        }, result -> {
            long done = offset + result.bytes();
            ask.doneChunks = (int) ((done + SliceReader.CHUNK_BYTES - 1) / SliceReader.CHUNK_BYTES - ask.firstChunk);
            comparedBytes[ask.disk] = done;
            differingBytes += result.differingBytes();
            if (ask.doneChunks >= ask.chunks) {
                asks.poll();
            }
            if (!plan) {
                host.compared();
            }
        });
    }

    private void startRound() {
        pendingDisk = 0;
        pendingFrom = 0;
        foundThisRound = false;
        failedThisRound = false;
    }

    private void catchUp() {
        while (pendingDisk < disks.size()) {
            var stretch = ports.stream().nextPending(pendingDisk, pendingFrom, SliceReader.SLICE_BYTES);
            if (stretch == null) {
                pendingDisk++;
                pendingFrom = 0;
                continue;
            }
            if (ports.room().fitsReconciled(SliceReader.SLICE_BYTES)) {
                foundThisRound = true;
                int disk = pendingDisk;
                BlockDevice device = disks.get(disk).device();
                onLane(disk, stretch, slice -> read(disk, slice, true, () -> slices.all(device, slice)),
                        result -> pendingFrom = stretch.offset() + stretch.lengthBytes());
            }
            return;
        }
        if (failedThisRound) {
            later(UNREADABLE_NANOS);
        } else if (foundThisRound) {
            startRound();
            step();
        } else {
            finish();
        }
    }

    private void later(long nanos) {
        long now = run;
        busy = true;
        ports.loop().schedule(nanos, () -> {
            if (now == run) {
                busy = false;
                startRound();
                step();
            }
        });
    }

    private void finish() {
        long now = run;
        busy = true;
        ports.reader().submit(() -> {
            host.barrier();
            return now;
        }, ports.loop(), new Lane.Outcome<Long>() {
            @Override
            public void done(Long asked) {
                if (asked != run) {
                    return;
                }
                busy = false;
                Position position = ports.stream().tryOrder();
                if (position == null) {
                    later(CROWDED_NANOS);
                } else {
                    working = false;
                    host.ordered(position);
                }
            }

            @Override
            public void failed(IOException cause) {
                if (now == run) {
                    halt();
                    host.barrierFailed(String.valueOf(cause.getMessage()));
                }
            }
        });
    }

    /** What became of a slice: bytes dealt with, those that differ, and why it could not be read where it could not. */
    private record Read(long bytes, long differingBytes, String trouble, boolean stale) {}

    private static long bytesOf(List<Piece> pieces) {
        return pieces.stream().mapToLong(Piece::lengthBytes).sum();
    }

    private interface SliceWork {
        Read run(DirtyMap.Stretch slice) throws IOException;
    }

    private interface SliceDone {
        void accept(Read result);
    }

    private interface PieceSource {
        List<Piece> read() throws IOException;
    }

    private Read read(int disk, DirtyMap.Stretch slice, boolean all, PieceSource source) {
        Registration registration = ports.stream().register(disk, slice, all);
        List<Piece> pieces;
        try {
            pieces = source.read();
        } catch (IOException unreadable) {
            ports.stream().giveUp(registration);
            return new Read(slice.lengthBytes(), 0, String.valueOf(unreadable.getMessage()), false);
        }
        boolean taken = ports.stream().reconcile(registration, new ArrayList<>(pieces));
        return new Read(slice.lengthBytes(), bytesOf(pieces), "", !taken);
    }

    private void onLane(int disk, DirtyMap.Stretch slice, SliceWork work, SliceDone then) {
        long now = run;
        busy = true;
        ports.reader().submit(() -> work.run(slice), ports.loop(), new Lane.Outcome<Read>() {
            @Override
            public void done(Read result) {
                if (now != run || result.stale()) {
                    return;
                }
                busy = false;
                progress.done(disk, result.bytes());
                if (!result.trouble().isEmpty()) {
                    failedThisRound = true;
                    host.unreadable(disk, slice, result.trouble());
                }
                then.accept(result);
                step();
            }

            @Override
            public void failed(IOException cause) {
                if (now == run) {
                    failedThisRound = true;
                    host.unreadable(disk, slice, String.valueOf(cause.getMessage()));
                    later(UNREADABLE_NANOS);
                }
            }
        });
    }

    /** How far it is, per disk. */
    List<ReconcileProgress.OfDisk> progress() {
        List<Long> left = new ArrayList<>();
        List<Long> pending = ports.stream().snapshot(disks.size()).pendingBytes();
        for (int i = 0; i < disks.size(); i++) {
            long toCompare = working ? disks.get(i).info().sizeBytes() - comparedBytes[i] : 0;
            left.add(toCompare + pending.get(i));
        }
        return progress.report(left);
    }
}

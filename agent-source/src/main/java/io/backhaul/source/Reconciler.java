package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

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
    private static final int SPANS = 4;
    private static final int FEW_CHUNKS = 512;
    private static final int MANY_CHUNKS = 4096;
    private static final long AGAIN_NANOS = 1_000_000_000;
    private static final long UNREADABLE_NANOS = 5_000_000_000L;
    private static final long CROWDED_NANOS = 10_000_000;
    private static final long SILENCE_NANOS = 60_000_000_000L;

    /** What it stands on. */
    record Ports(Loop loop, Lane reader, ChangeStream stream, Room room, RandomGenerator random, ReadPace pace) {}

    /** Whom it serves. */
    interface Host extends ComparisonHost {
        /** The barrier cannot be had: the disks may have changed unseen. */
        void barrierFailed(String why);

        /** The sweep has got further. */
        void compared();

        /** Nothing is left: the stream is {@code ORDERED} from this position on. */
        void ordered(Position position);

        /** A plan is complete: so much differs. */
        void planned(long bytes);
    }

    private final UUID machine;
    private final List<SourceDisk> disks;
    private final Ports ports;
    private final Host host;
    private final SliceReader slices = new SliceReader();
    private final Deque<DigestSpan> spans = new ArrayDeque<>();
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
    private int chunksPerSpan = FEW_CHUNKS;
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
        chunksPerSpan = FEW_CHUNKS;
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
        spans.clear();
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
        asks().filter(DigestAsk::isWaiting).forEach(this::send);
        step();
    }

    /** The link has gone: answers will not come. */
    void unlinked() {
        asks().forEach(DigestAsk::lost);
    }

    private Stream<DigestAsk> asks() {
        return spans.stream().flatMap(span -> span.asks().stream());
    }

    /** Whether these digests were asked for, and have not come yet. */
    boolean awaits(Digests digests) {
        return asks().anyMatch(ask -> ask.isAnsweredBy(digests));
    }

    /** Digests have come; true where they were asked for, so that {@link #notBefore} is known to be journaled. */
    boolean answered(Digests digests) {
        DigestAsk ask = asks().filter(each -> each.isAnsweredBy(digests)).findFirst().orElse(null);
        if (ask == null) {
            return false;
        }
        if (!ask.take(digests)) {
            long now = run;
            ports.loop().schedule(AGAIN_NANOS, () -> {
                if (now == run && ask.isUnasked()) {
                    send(ask);
                }
            });
            return false;
        }
        if (ask.chunkBytes() == SliceReader.CHUNK_BYTES) {
            chunksPerSpan = digests.status() == Digests.Status.ALL_ZERO ? Math.min(chunksPerSpan * 2, MANY_CHUNKS)
                    : FEW_CHUNKS;
        }
        step();
        return true;
    }

    /** The position that digests must not be older than. */
    Position notBefore() {
        return notBefore;
    }

    /** Asks again what has been without an answer for long. Called now and then. */
    void tick(long nowNanos) {
        asks().filter(ask -> ask.isSilentFor(SILENCE_NANOS, nowNanos)).forEach(this::send);
    }

    private void send(DigestAsk ask) {
        int id = nextRequestId();
        boolean sent = host
                .ask(new DigestRequest(machine, notBefore, id, ask.disk(), ask.chunkBytes(), ask.runs()));
        ask.asked(id, ports.loop().clock().nanos(), sent);
    }

    /** No two requests of a session have the same. */
    int nextRequestId() {
        return nextRequestId++;
    }

    /** Goes on as far as it can: something has been answered, read or released. */
    void step() {
        if (!working || busy) {
            return;
        }
        if (sweeping) {
            askMore();
            if (!spans.isEmpty()) {
                sweep();
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
        for (int disk = 0; disk < askedBytes.length && spans.size() < SPANS; disk++) {
            long size = disks.get(disk).info().sizeBytes();
            while (askedBytes[disk] < size && spans.size() < SPANS) {
                long firstChunk = askedBytes[disk] / SliceReader.CHUNK_BYTES;
                long left = (size + SliceReader.CHUNK_BYTES - 1) / SliceReader.CHUNK_BYTES - firstChunk;
                var run = new DigestRequest.Run(firstChunk, (int) Math.min(left, chunksPerSpan));
                DigestSpan span = new DigestSpan(disk, size, run);
                askedBytes[disk] = span.end();
                spans.add(span);
                span.asks().forEach(this::send);
            }
        }
    }

    /** Compares blocks where their digests have come, else chunks: so that what has been begun comes to its end. */
    private void sweep() {
        if (!ports.room().fitsReconciled(SliceReader.SLICE_BYTES)) {
            return;
        }
        long wait = ports.pace().waitNanos();
        if (wait > 0) {
            rest(wait);
            return;
        }
        for (DigestSpan span : spans) {
            DigestSpan.Window window = span.window();
            if (window != null) {
                compareBlocks(span, window);
                return;
            }
        }
        for (DigestSpan span : spans) {
            Digests answer = span.chunksAnswer();
            if (answer != null) {
                compareChunks(span, answer);
                return;
            }
        }
    }

    private void compareChunks(DigestSpan span, Digests answer) {
        BlockDevice device = disks.get(span.disk()).device();
        long offset = span.compared();
        long left = span.end() - offset;
        int firstDigest = span.firstDigest();
        List<Long> suspects = new ArrayList<>();
        boolean plan = planning;
        onLane(span.disk(), new DirtyMap.Stretch(offset, Math.min(left, SliceReader.SLICE_BYTES)), slice -> {
            if (answer.status() == Digests.Status.ALL_ZERO) {
                if (!plan) {
                    // A write that is under way and in no stream would be taken for nothing.
                    host.observation().settle();
                }
                long zero = device.zeroRun(offset, left);
                if (zero >= slice.lengthBytes()) {
                    long whole = zero == left ? zero : zero / SliceReader.CHUNK_BYTES * SliceReader.CHUNK_BYTES;
                    return new Read(whole, 0, 0, "", false);
                }
            }
            return read(span.disk(), slice, plan ? Purpose.PRICE : Purpose.COMPARE, () -> {
                SliceReader.Comparison found = slices.compare(device, slice, answer, firstDigest);
                suspects.addAll(found.suspects());
                return found.pieces();
            });
        }, result -> {
            span.chunksCompared(result.bytes(), suspects);
            for (DigestAsk ask = span.nextAsk(); ask != null; ask = span.nextAsk()) {
                send(ask);
            }
            compared(span, result);
        });
    }

    private void compareBlocks(DigestSpan span, DigestSpan.Window window) {
        BlockDevice device = disks.get(span.disk()).device();
        boolean plan = planning;
        onLane(span.disk(), window.stretch(disks.get(span.disk()).info().sizeBytes()), slice -> {
            Read whole = read(span.disk(), slice, plan ? Purpose.PRICE : Purpose.COMPARE,
                    () -> slices.differing(device, window.runs(), window.answer(), window.firstDigest()));
            return new Read(0, whole.readBytes(), whole.differingBytes(), whole.trouble(), whole.stale());
        }, result -> {
            span.blocksCompared(window);
            compared(span, result);
        });
    }

    private void compared(DigestSpan span, Read result) {
        differingBytes += result.differingBytes();
        int disk = span.disk();
        comparedBytes[disk] = spans.stream().filter(each -> each.disk() == disk && !each.isDone()).findFirst()
                .map(DigestSpan::frontier).orElse(askedBytes[disk]);
        spans.removeIf(DigestSpan::isDone);
        if (!planning) {
            host.compared();
        }
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
                onLane(disk, stretch, slice -> read(disk, slice, Purpose.SEND, () -> slices.all(device, slice)),
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

    private void rest(long nanos) {
        long now = run;
        busy = true;
        ports.loop().schedule(nanos, () -> {
            if (now == run) {
                busy = false;
                step();
            }
        });
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
                UUID replica = host.comparedWith();
                Position position = replica == null ? null : ports.stream().tryOrder(replica);
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

    /** What became of a slice: bytes dealt with, those that were read for it and those that differ, and why it could not be read where it could not. */
    private record Read(long bytes, long readBytes, long differingBytes, String trouble, boolean stale) {}

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

    /** What is read for. */
    private enum Purpose {
        /** To say how much differs. */
        PRICE,
        /** To send what differs. */
        COMPARE,
        /** To send it all. */
        SEND
    }

    private Read read(int disk, DirtyMap.Stretch slice, Purpose purpose, PieceSource source) throws IOException {
        if (purpose == Purpose.PRICE) {
            return new Read(slice.lengthBytes(), slice.lengthBytes(), bytesOf(source.read()), "", false);
        }
        Registration registration = ports.stream().register(disk, slice, purpose == Purpose.SEND);
        List<Piece> pieces;
        try {
            host.observation().settle();
            pieces = source.read();
            host.observation().follow();
        } catch (IOException unreadable) {
            ports.stream().giveUp(registration);
            return new Read(slice.lengthBytes(), slice.lengthBytes(), 0, String.valueOf(unreadable.getMessage()),
                    false);
        }
        boolean taken = ports.stream().reconcile(registration, new ArrayList<>(pieces));
        return new Read(slice.lengthBytes(), slice.lengthBytes(), bytesOf(pieces), "", !taken);
    }

    private void onLane(int disk, DirtyMap.Stretch slice, SliceWork work, SliceDone then) {
        long now = run;
        busy = true;
        ports.pace().begin();
        ports.reader().submit(() -> work.run(slice), ports.loop(), new Lane.Outcome<Read>() {
            @Override
            public void done(Read result) {
                if (now != run || result.stale()) {
                    return;
                }
                busy = false;
                progress.done(disk, result.bytes());
                if (sweeping) {
                    ports.pace().read(result.readBytes());
                }
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

    /** What must still be compared, or read and sent, on all disks. */
    long leftBytes() {
        return left().stream().mapToLong(Long::longValue).sum();
    }

    /** How far it is, per disk. */
    List<ReconcileProgress.OfDisk> progress() {
        return progress.report(left());
    }

    private List<Long> left() {
        List<Long> left = new ArrayList<>();
        List<Long> pending = ports.stream().snapshot(disks.size()).pendingBytes();
        for (int i = 0; i < disks.size(); i++) {
            long toCompare = working ? disks.get(i).info().sizeBytes() - comparedBytes[i] : 0;
            left.add(toCompare + pending.get(i));
        }
        return left;
    }
}

package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares the disks with the replica while the stream is {@code ORDERED} and stays so, and has sent again what differs though
 * nothing says why: a write that went past the capture, a replica that is not what was written to it.
 *
 * <p>
 * Stretch by stretch: note what is written to it from now on ({@link Watch}), ask for digests of a state not older than the
 * position the stream has come to, read the disk, and wait until all that the read may have seen is in the stream. A block in
 * no record since then is alike in every state that the answer may speak of, and in what was read; so if it differs, it
 * differs. Chunks that differ or were written to are compared once more by blocks, with a watch and digests of their own: what
 * differs twice is a difference. What is written to all the while is left out: its bytes go over the stream just then.
 *
 * <p>
 * Nothing is judged where the stream lost its order in between. Owned by the session's loop; reads on a lane, one slice at a
 * time, at a rate of its own.
 */
final class Verifier {
    private static final Logger LOG = LoggerFactory.getLogger(Verifier.class);
    private static final int SPAN_CHUNKS = 256;
    private static final long SPAN_BYTES = (long) SPAN_CHUNKS * SliceReader.CHUNK_BYTES;
    private static final long SILENCE_NANOS = 60_000_000_000L;
    private static final long SAVE_NANOS = 10_000_000_000L;
    private static final int ALL_PERCENT = 100;

    /** What it stands on. */
    record Ports(Loop loop, Lane reader, Lane state, ChangeStream stream, RandomGenerator random,
            VerificationFile file) {}

    /** Whom it serves beside. On the loop. */
    interface Host {
        int nextRequestId();

        /** Whether the link stands, the stream is in order and nearly journaled, and nothing else is being compared. */
        boolean isQuiet();

        /** Has this sent again; false where nothing can be put into the stream just now. */
        boolean heal(List<Resend.Extent> differing);

        /** A pass has ended; whether everything that it has compared was alike. */
        void verified(boolean alike);

        void saveFailed(IOException why);
    }

    /** A stretch under comparison, and what has come of it. */
    private static final class Attempt {
        private final DigestSpan span;
        private final List<Resend.Extent> differing = new ArrayList<>();
        private Watch watch;
        private long comparedBytes;
        private long skippedBytes;

        Attempt(DigestSpan span, Watch watch) {
            this.span = span;
            this.watch = watch;
        }
    }

    /** What a slice has shown: pieces that differ, chunks that do; blocks that were written to, null where all of it is void. */
    private record Slice(List<Piece> pieces, List<Long> suspects, @Nullable BitSet touched, long readBytes,
            String trouble) {}

    private interface SliceWork {
        Slice read() throws IOException;
    }

    private final UUID machine;
    private final List<SourceDisk> disks;
    private final SourceOptions.Comparison options;
    private final Ports ports;
    private final ComparisonHost comparison;
    private final Host host;
    private final SliceReader slices = new SliceReader();
    private final ReadPace pace;
    private Verification state;
    private long dueNanos;
    private long savedNanos;
    private boolean unsaved;
    private boolean wanted;
    private long passes;
    private long comparedBytes;
    private long differingBytes;
    private @Nullable Attempt attempt;
    private boolean busy;
    private long run;

    Verifier(SourceOptions options, List<SourceDisk> disks, Ports ports, ComparisonHost comparison, Host host,
            @Nullable Verification found) {
        this.machine = options.machine().id();
        this.disks = disks;
        this.options = options.comparison();
        this.ports = ports;
        this.comparison = comparison;
        this.host = host;
        this.pace = new ReadPace(this.options.verifyBytesPerSecond(), ports.loop().clock());
        long now = ports.loop().clock().wallMicros();
        this.state = found == null ? Verification.awaited(now) : found;
        this.unsaved = found == null && isScheduled();
        Verification.Pass pass = state.pass();
        if (pass != null && !fits(pass)) {
            state = state.with(null);
        }
        long periodMicros = this.options.verifyPeriod().toNanos() / 1000;
        // A wall clock that was set back must not put it off for more than a period.
        long elapsed = Math.clamp(now - state.sinceMicros(), 0, periodMicros);
        this.dueNanos = ports.loop().clock().nanos() + (periodMicros - elapsed) * 1000;
        this.savedNanos = ports.loop().clock().nanos();
    }

    private boolean isScheduled() {
        return !options.verifyPeriod().isZero();
    }

    private boolean fits(Verification.Pass pass) {
        List<Long> frontier = pass.frontier();
        for (int i = 0; i < frontier.size() && i < disks.size(); i++) {
            long size = disks.get(i).info().sizeBytes();
            long at = frontier.get(i);
            if (at > size || (at % SPAN_BYTES != 0 && at != size)) {
                return false;
            }
        }
        return frontier.size() == disks.size();
    }

    /** Begins a pass at once, unless one is under way. */
    void request() {
        wanted = true;
        tick();
    }

    /** Looks whether something is to be done. Called now and then. */
    void tick() {
        Attempt current = attempt;
        long now = ports.loop().clock().nanos();
        if (current != null && !busy
                && (!host.isQuiet()
                        || current.span.asks().stream().anyMatch(ask -> ask.isSilentFor(SILENCE_NANOS, now)))) {
            drop();
        }
        if (state.pass() == null && (wanted || (isScheduled() && now >= dueNanos)) && host.isQuiet()) {
            state = state.with(new Verification.Pass(ports.random().nextLong(),
                    Verification.nothing(ports.loop().clock().wallMicros()), Collections.nCopies(disks.size(), 0L)));
            LOG.info("verification of {} % of the disks begins", options.verifyPercent());
            unsaved = true;
        }
        step();
        if (unsaved && now - savedNanos >= SAVE_NANOS) {
            save();
        }
    }

    /** Whether these digests were asked for here, and have not come yet. */
    boolean awaits(Digests digests) {
        Attempt current = attempt;
        return current != null && current.span.asks().stream().anyMatch(ask -> ask.isAnsweredBy(digests));
    }

    /** Digests have come. */
    void answered(Digests digests) {
        Attempt current = attempt;
        if (current == null) {
            return;
        }
        DigestAsk ask = current.span.asks().stream().filter(each -> each.isAnsweredBy(digests)).findFirst()
                .orElse(null);
        if (ask != null && (!ask.take(digests) || !digests.replica().equals(comparison.comparedWith()))) {
            drop();
        } else if (ask != null) {
            step();
        }
    }

    /** What was compared of the stretch under way is worth nothing; it begins anew. */
    private void drop() {
        attempt = null;
        busy = false;
        run++;
    }

    private void step() {
        Verification.Pass pass = state.pass();
        if (pass == null || busy) {
            return;
        }
        Attempt current = attempt;
        if (current == null) {
            begin(pass);
        } else if (current.span.isDone()) {
            conclude(current);
        } else {
            compare(current);
        }
    }

    private void begin(Verification.Pass pass) {
        Verification.Pass at = pass;
        for (int disk = 0; disk < disks.size();) {
            long size = disks.get(disk).info().sizeBytes();
            long from = at.frontier().get(disk);
            if (from >= size) {
                disk++;
            } else if (!isDrawn(at.seed(), disk, from)) {
                at = at.at(disk, Math.min(size, from + SPAN_BYTES), at.found());
            } else {
                state = state.with(at);
                if (host.isQuiet()) {
                    ask(disk, from, size);
                }
                return;
            }
        }
        state = Verification.ended(ports.loop().clock().wallMicros(), at.found());
        dueNanos = ports.loop().clock().nanos() + options.verifyPeriod().toNanos();
        wanted = false;
        passes++;
        SourceStatus.Found found = at.found();
        LOG.info("verification has ended: {} bytes compared, {} left out, {} differed", found.comparedBytes(),
                found.skippedBytes(), found.differingBytes());
        host.verified(found.differingBytes() == 0);
        save();
    }

    private boolean isDrawn(long seed, int disk, long from) {
        if (options.verifyPercent() >= ALL_PERCENT) {
            return true;
        }
        long mixed = (seed ^ (from / SPAN_BYTES * 256 + disk)) * 0x9e3779b97f4a7c15L;
        mixed = (mixed ^ (mixed >>> 32)) * 0xd6e8feb86659fd93L;
        return Math.floorMod(mixed ^ (mixed >>> 32), ALL_PERCENT) < options.verifyPercent();
    }

    private void ask(int disk, long from, long size) {
        var run = new DigestRequest.Run(from / SliceReader.CHUNK_BYTES,
                (int) ((Math.min(size - from, SPAN_BYTES) + SliceReader.CHUNK_BYTES - 1) / SliceReader.CHUNK_BYTES));
        DigestSpan span = new DigestSpan(disk, size, run);
        Watch watch = ports.stream().watch(disk, new DirtyMap.Stretch(from, span.end() - from));
        if (watch != null) {
            attempt = new Attempt(span, watch);
            span.asks().forEach(ask -> send(ask, watch.position()));
        }
    }

    private void send(DigestAsk ask, Position notBefore) {
        int id = host.nextRequestId();
        boolean sent = comparison
                .ask(new DigestRequest(machine, notBefore, id, ask.disk(), ask.chunkBytes(), ask.runs()));
        ask.asked(id, ports.loop().clock().nanos(), sent);
        if (!sent) {
            drop();
        }
    }

    private void compare(Attempt current) {
        DigestSpan.Window window = current.span.window();
        Digests answer = current.span.chunksAnswer();
        if (window == null && answer == null) {
            return;
        }
        long wait = pace.waitNanos();
        if (wait > 0) {
            long now = run;
            busy = true;
            ports.loop().schedule(wait, () -> {
                if (now == run) {
                    busy = false;
                    step();
                }
            });
        } else if (window != null) {
            compareBlocks(current, window);
        } else if (answer != null) {
            compareChunks(current, answer);
        }
    }

    private void compareChunks(Attempt current, Digests answer) {
        DigestSpan span = current.span;
        long offset = span.compared();
        int firstDigest = span.firstDigest();
        BlockDevice device = disks.get(span.disk()).device();
        var stretch = new DirtyMap.Stretch(offset, Math.min(span.end() - offset, SliceReader.SLICE_BYTES));
        onLane(current, stretch, () -> {
            boolean isHole = answer.status() == Digests.Status.ALL_ZERO
                    && device.zeroRun(offset, stretch.lengthBytes()) >= stretch.lengthBytes();
            if (isHole) {
                return new Slice(List.of(), List.of(), null, 0, "");
            }
            SliceReader.Comparison found = slices.compare(device, stretch, answer, firstDigest);
            return new Slice(found.pieces(), found.suspects(), null, stretch.lengthBytes(), "");
        }, (slice, touched) -> {
            var again = new TreeSet<>(slice.suspects());
            // Where one side is all zero they differ as well, for all that one read tells.
            for (Piece piece : slice.pieces()) {
                for (long at = piece.offset(); at < piece.end(); at += SliceReader.BLOCK_BYTES) {
                    again.add(at / SliceReader.CHUNK_BYTES);
                }
            }
            for (long at = offset; at < offset + stretch.lengthBytes(); at += SliceReader.BLOCK_BYTES) {
                if (touched.get(current.watch.block(at))) {
                    again.add(at / SliceReader.CHUNK_BYTES);
                }
            }
            long left = again.stream().mapToLong(chunk -> chunkBytes(span.disk(), chunk)).sum();
            current.comparedBytes += stretch.lengthBytes() - left;
            span.chunksCompared(stretch.lengthBytes(), List.copyOf(again));
            if (span.compared() == span.end()) {
                askBlocks(current);
            }
        });
    }

    private long chunkBytes(int disk, long chunk) {
        return Math.min(SliceReader.CHUNK_BYTES,
                disks.get(disk).info().sizeBytes() - chunk * SliceReader.CHUNK_BYTES);
    }

    /** All suspects of a span fit into one request. */
    private void askBlocks(Attempt current) {
        DigestSpan span = current.span;
        DigestAsk ask = span.nextAsk();
        if (ask == null) {
            return;
        }
        long from = ask.runs().getFirst().first() * SliceReader.BLOCK_BYTES;
        Watch watch = ports.stream().watch(span.disk(), new DirtyMap.Stretch(from, span.end() - from));
        if (watch == null) {
            drop();
        } else {
            current.watch = watch;
            send(ask, watch.position());
        }
    }

    private void compareBlocks(Attempt current, DigestSpan.Window window) {
        int disk = current.span.disk();
        BlockDevice device = disks.get(disk).device();
        long size = disks.get(disk).info().sizeBytes();
        var stretch = window.stretch(size);
        onLane(current, stretch, () -> {
            List<Piece> pieces = slices.differing(device, window.runs(), window.answer(), window.firstDigest());
            return new Slice(pieces, List.of(), null, stretch.lengthBytes(), "");
        }, (slice, touched) -> {
            for (DigestRequest.Run run : window.runs()) {
                for (long block = run.first(); block < run.end(); block++) {
                    long at = block * SliceReader.BLOCK_BYTES;
                    int length = (int) Math.min(SliceReader.BLOCK_BYTES, size - at);
                    if (touched.get(current.watch.block(at))) {
                        current.skippedBytes += length;
                    } else {
                        current.comparedBytes += length;
                        boolean differs = slice.pieces().stream()
                                .anyMatch(piece -> piece.offset() <= at && at < piece.end());
                        if (differs) {
                            current.differing.add(new Resend.Extent(disk, at, length));
                        }
                    }
                }
            }
            current.span.blocksCompared(window);
        });
    }

    private interface SliceDone {
        void accept(Slice slice, BitSet touched);
    }

    private void onLane(Attempt current, DirtyMap.Stretch stretch, SliceWork work, SliceDone then) {
        long now = run;
        Watch watch = current.watch;
        busy = true;
        pace.begin();
        ports.reader().submit(() -> read(watch, work), ports.loop(), new Lane.Outcome<Slice>() {
            @Override
            public void done(Slice slice) {
                if (now != run) {
                    return;
                }
                busy = false;
                pace.read(slice.readBytes());
                BitSet touched = slice.touched();
                if (!slice.trouble().isEmpty()) {
                    comparison.unreadable(current.span.disk(), stretch, slice.trouble());
                    leaveOut(current);
                } else if (touched == null) {
                    drop();
                } else {
                    then.accept(slice, touched);
                    step();
                }
            }

            @Override
            public void failed(IOException cause) {
                if (now == run) {
                    drop();
                }
            }
        });
    }

    /** On the reader's lane. */
    private Slice read(Watch watch, SliceWork work) throws IOException {
        // What stands in the stream is to be on the disk, for the read to see it; and what the read has seen, in the stream.
        comparison.observation().settle();
        Slice slice;
        try {
            slice = work.read();
        } catch (IOException unreadable) {
            return new Slice(List.of(), List.of(), null, 0, String.valueOf(unreadable.getMessage()));
        }
        comparison.barrier();
        // The pieces point into a buffer that the next slice takes; only where they are is looked at.
        return new Slice(slice.pieces(), slice.suspects(), ports.stream().touched(watch), slice.readBytes(), "");
    }

    /** A stretch cannot be read: that is another fault's business. */
    private void leaveOut(Attempt current) {
        current.skippedBytes += current.span.end() - from(current) - current.comparedBytes - current.skippedBytes;
        current.differing.clear();
        advance(current);
    }

    private void conclude(Attempt current) {
        if (!current.differing.isEmpty() && !host.heal(List.copyOf(current.differing))) {
            drop();
            return;
        }
        advance(current);
    }

    private long from(Attempt current) {
        Verification.Pass pass = state.pass();
        return pass == null ? 0 : pass.frontier().get(current.span.disk());
    }

    private void advance(Attempt current) {
        Verification.Pass pass = state.pass();
        drop();
        if (pass != null) {
            comparedBytes += current.comparedBytes;
            long differing = current.differing.stream().mapToLong(Resend.Extent::lengthBytes).sum();
            differingBytes += differing;
            state = state.with(pass.at(current.span.disk(), current.span.end(),
                    Verification.sum(pass.found(), current.comparedBytes, current.skippedBytes, differing)));
            unsaved = true;
            step();
        }
    }

    private void save() {
        unsaved = false;
        savedNanos = ports.loop().clock().nanos();
        Verification now = state;
        ports.state().submit(() -> {
            ports.file().save(now);
            return now;
        }, ports.loop(), new Lane.Outcome<Verification>() {
            @Override
            public void done(Verification saved) {
                LOG.debug("stored how far verification is");
            }

            @Override
            public void failed(IOException cause) {
                unsaved = true;
                host.saveFailed(cause);
            }
        });
    }

    /** Nothing more is read. */
    void close() {
        drop();
        if (unsaved) {
            save();
        }
    }

    /** How it stands. */
    SourceStatus.Verified status() {
        Verification.Pass pass = state.pass();
        long total = disks.stream().mapToLong(disk -> disk.info().sizeBytes()).sum();
        String now = pass != null ? attempt == null ? "waiting" : "under way" : isScheduled() ? "scheduled" : "off";
        return new SourceStatus.Verified(now,
                pass == null ? 0 : pass.frontier().stream().mapToLong(Long::longValue).sum(),
                pass == null ? 0 : total, new SourceStatus.Verified.Since(passes, comparedBytes, differingBytes),
                state.last() == null ? 0 : state.sinceMicros(), state.last(), pass == null ? null : pass.found());
    }
}

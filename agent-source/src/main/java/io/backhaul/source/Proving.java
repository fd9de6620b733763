package io.backhaul.source;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.proof.ChunkDigests;
import io.backhaul.engine.proof.ProofHeader;
import io.backhaul.engine.proof.ProofWriter;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Has the digests of all disks recorded for a mark while writes go on. It goes over the disks in passes: the first reads every
 * chunk, the others what was written to meanwhile. When little is left the mark is put into the stream, and what is left is read
 * behind it; a chunk that is written to again before that is recorded as not proved.
 *
 * <p>
 * A digest counts only if the stream up to the mark has exactly those writes that the read has seen. In front of the mark: the
 * chunk is watched, then every write submitted before is on the disk ({@link Observation#settle}), then it is read; before the mark
 * every write that the read may have seen is in the stream ({@link Capture#barrier}); and none of the chunk has come into the stream
 * in between. Behind the mark: settle, read, barrier, and none has come into the stream since the mark.
 *
 * <p>
 * Owned by the session's loop; reads on the reader's lane, one slice at a time, in front of the mark never more than half of the
 * time.
 */
final class Proving {
    /** So few chunks are read behind the mark without another pass. */
    private static final int FEW_CHUNKS = 64;
    private static final int MAX_PASSES = 8;
    /** What is read behind the mark is read in small slices, so that little is lost when one is written to. */
    private static final int SHORT_SLICE_BYTES = 256 << 10;
    private static final long RUN_BYTES = 1L << 30;
    private static final int PAGES_AT_ONCE = 16;
    private static final long LONGEST_PAUSE_NANOS = 1_000_000_000;
    private static final long CROWDED_NANOS = 10_000_000;
    private static final long AGAIN_NANOS = 100_000_000;
    private static final int MAX_MARKS = 100;

    /** What it stands on. */
    record Ports(Loop loop, Lane reader, ChangeStream stream, Capture capture, Room room) {}

    /** When the stream gets somewhere. On the loop. */
    interface Waits {
        void whenOrdered(Consumer<String> told);

        void whenJournaled(Position position, SourceWaits.Arrival arrival);
    }

    private final SourceOptions.Machine machine;
    private final List<SourceDisk> disks;
    private final Ports ports;
    private final Waits waits;
    private final ProofRequest request;
    private final SourceMachine.ProofAnswer answer;
    private final ChunkWatch watch;
    private final ChunkDigests digests = new ChunkDigests();
    /** Used on the lane. */
    private @Nullable ProofWriter writer;
    /** Whether what was recorded last was known to be zero without reading; set on the lane. */
    private boolean wasHole;
    private @Nullable Mark mark;
    private boolean ended;
    private int pass = 1;
    private int marks;
    private int disk;
    private long from;
    private long attemptBytes = ChunkDigests.SLICE_BYTES;
    private long doneBytes;
    private long totalBytes;

    Proving(SourceOptions.Machine machine, List<SourceDisk> disks, Ports ports, Waits waits, ProofRequest request,
            SourceMachine.ProofAnswer answer) {
        this.machine = machine;
        this.disks = disks;
        this.ports = ports;
        this.waits = waits;
        this.request = request;
        this.answer = answer;
        this.watch = new ChunkWatch(disks);
        this.totalBytes = disks.stream().mapToLong(each -> each.info().sizeBytes()).sum();
    }

    /** How far it is: in the pass under way, and how many there were. */
    record Progress(long doneBytes, long totalBytes, int pass, boolean marked) {}

    Progress progress() {
        return new Progress(doneBytes, totalBytes, pass, mark != null);
    }

    boolean hasEnded() {
        return ended;
    }

    void begin() {
        List<DiskInfo> infos = disks.stream().map(SourceDisk::info).toList();
        onLane(() -> {
            writer = ProofWriter.create(request.folder(), request.name(), infos);
            return 0L;
        }, nothing -> {
            ports.stream().watch(watch);
            awaitOrder();
        });
    }

    private ProofWriter writer() {
        if (writer == null) {
            throw new IllegalStateException("there is no file yet");
        }
        return writer;
    }

    private interface Then {
        void accept(long result);
    }

    private void onLane(Lane.Work<Long> work, Then then) {
        onLane(work, then, cause -> fail(String.valueOf(cause.getMessage())));
    }

    private void onLane(Lane.Work<Long> work, Then then, Consumer<IOException> failed) {
        ports.reader().submit(work, ports.loop(), new Lane.Outcome<Long>() {
            @Override
            public void done(Long result) {
                if (!ended) {
                    then.accept(result);
                }
            }

            @Override
            public void failed(IOException cause) {
                if (!ended) {
                    failed.accept(cause);
                }
            }
        });
    }

    /** Ends it: no file is left, and the one who asked is told why. */
    void fail(String why) {
        if (ended) {
            return;
        }
        ended = true;
        ports.stream().watch(null);
        ports.reader().submit(() -> {
            if (writer != null) {
                writer.close();
            }
            return why;
        }, ports.loop(), new Lane.Outcome<String>() {
            @Override
            public void done(String said) {
                answer.failed(said);
            }

            @Override
            public void failed(IOException remains) {
                answer.failed(why);
            }
        });
    }

    /** Lets go of the file as a killed process would. */
    void abandon() throws IOException {
        if (writer != null && !ended) {
            writer.abandon();
        }
    }

    /** Passes are begun, and marks placed, while the stream is in order. */
    private void awaitOrder() {
        if (ports.stream().isOrdered()) {
            beginPass();
            return;
        }
        waits.whenOrdered(why -> {
            if (!ended && why.isEmpty()) {
                beginPass();
            } else {
                fail(why);
            }
        });
    }

    private void beginPass() {
        startOver(watch.unreadChunks() * ChunkDigests.CHUNK_BYTES);
        step();
    }

    private void startOver(long bytes) {
        disk = 0;
        from = 0;
        doneBytes = 0;
        totalBytes = bytes;
        attemptBytes = ChunkDigests.SLICE_BYTES;
    }

    private DirtyMap.@Nullable Stretch next(long maxBytes) {
        while (disk < disks.size()) {
            DirtyMap.Stretch stretch = watch.next(disk, from, maxBytes);
            if (stretch != null) {
                return stretch;
            }
            disk++;
            from = 0;
        }
        return null;
    }

    private void step() {
        String expired = watch.expired();
        if (ended || !expired.isEmpty()) {
            fail(expired);
        } else if (!ports.room().fitsReconciled(SliceReader.SLICE_BYTES)) {
            later(CROWDED_NANOS, this::step);
        } else {
            DirtyMap.Stretch stretch = next(attemptBytes);
            if (stretch == null) {
                endPass();
            } else {
                readBeforeMark(stretch);
            }
        }
    }

    private void later(long nanos, Runnable what) {
        ports.loop().schedule(nanos, () -> {
            if (!ended) {
                what.run();
            }
        });
    }

    private void readBeforeMark(DirtyMap.Stretch stretch) {
        int of = disk;
        long began = ports.loop().clock().nanos();
        onLane(() -> {
            watch.reading(of, stretch);
            ports.capture().observation().settle();
            long done = record(of, stretch);
            watch.notRead(of, new DirtyMap.Stretch(stretch.offset() + done, stretch.lengthBytes() - done));
            return done;
        }, done -> {
            attemptBytes = wasHole ? Math.min(attemptBytes * 8, RUN_BYTES) : ChunkDigests.SLICE_BYTES;
            from = stretch.offset() + done;
            doneBytes += done;
            long took = ports.loop().clock().nanos() - began;
            later(Math.clamp(took, 0, LONGEST_PAUSE_NANOS), this::step);
        });
    }

    /** Records the digests of the beginning of a stretch, and says of how much. */
    private long record(int of, DirtyMap.Stretch stretch) throws IOException {
        SourceDisk source = disks.get(of);
        long zero = source.device().zeroRun(stretch.offset(), stretch.lengthBytes());
        if (zero < stretch.lengthBytes()) {
            zero -= zero % ChunkDigests.CHUNK_BYTES;
        }
        wasHole = zero > 0;
        if (wasHole) {
            if (pass > 1) {
                // A file that is new has the digests of zeroes everywhere.
                writer().put(of, chunk(stretch.offset()), ByteBuffer.allocate(leafBytes(zero)));
            }
            return zero;
        }
        int length = (int) Math.min(stretch.lengthBytes(), ChunkDigests.SLICE_BYTES);
        writer().put(of, chunk(stretch.offset()), digests.of(source.device(), stretch.offset(), length));
        return length;
    }

    private static long chunk(long offset) {
        return offset / ChunkDigests.CHUNK_BYTES;
    }

    private static int leafBytes(long bytes) {
        return (int) ((bytes + ChunkDigests.CHUNK_BYTES - 1) / ChunkDigests.CHUNK_BYTES * Limits.DIGEST_BYTES);
    }

    /** Another pass helps as long as each leaves much less to the next one. */
    private void endPass() {
        long left = watch.unreadChunks();
        if (left <= FEW_CHUNKS || pass >= MAX_PASSES || left * ChunkDigests.CHUNK_BYTES > totalBytes / 2) {
            placeMark();
        } else {
            pass++;
            beginPass();
        }
    }

    private void placeMark() {
        onLane(() -> {
            ports.capture().barrier();
            return 0L;
        }, nothing -> {
            String expired = watch.expired();
            if (!expired.isEmpty()) {
                fail(expired);
                return;
            }
            Position position = ports.stream().mark(Mark.Kind.USER, request.label(), placed -> {
                watch.freeze();
                mark = placed;
            });
            if (position == null) {
                placeLater();
                return;
            }
            answer.marked(position);
            startOver(watch.unreadChunks() * ChunkDigests.CHUNK_BYTES);
            readBehindMark();
        }, cause -> {
            if (ports.stream().isOrdered()) {
                fail(String.valueOf(cause.getMessage()));
            } else {
                placeLater();
            }
        });
    }

    /** The stream is not in order, so there is nothing to be marked: what changed meanwhile is read once more, when it is. */
    private void placeLater() {
        if (++marks >= MAX_MARKS) {
            fail("the stream does not stay ORDERED for long enough: see what status says of it, and ask again");
            return;
        }
        pass++;
        later(AGAIN_NANOS, this::awaitOrder);
    }

    private void readBehindMark() {
        DirtyMap.Stretch stretch = next(SHORT_SLICE_BYTES);
        if (stretch == null) {
            recordUnproved();
            return;
        }
        int of = disk;
        onLane(() -> {
            ports.capture().observation().settle();
            ByteBuffer found = digests.of(disks.get(of).device(), stretch.offset(), (int) stretch.lengthBytes());
            ports.capture().barrier();
            refuseOtherStream();
            for (DirtyMap.Stretch kept : watch.keep(of, stretch)) {
                int at = leafBytes(kept.offset() - stretch.offset());
                writer().put(of, chunk(kept.offset()), found.slice(at, leafBytes(kept.lengthBytes())));
            }
            return stretch.lengthBytes();
        }, done -> {
            from = stretch.offset() + done;
            doneBytes += done;
            readBehindMark();
        });
    }

    private Mark placed() {
        if (mark == null) {
            throw new IllegalStateException("there is no mark yet");
        }
        return mark;
    }

    /** A barrier promises something only while the stream takes what is written; and it takes nothing between two generations. */
    private void refuseOtherStream() throws IOException {
        String expired = watch.expired();
        if (!expired.isEmpty()) {
            throw new IOException(expired);
        }
        boolean open = ports.stream().isOpen();
        if (!open || ports.stream().captured().generation() != placed().position().generation()) {
            throw new IOException("the stream has begun anew while the mark was being proved: ask again");
        }
    }

    private void recordUnproved() {
        ports.stream().watch(null);
        onLane(() -> {
            for (int each = 0; each < disks.size(); each++) {
                DirtyMap.Stretch unread = watch.nextUnread(each, 0);
                while (unread != null) {
                    for (long at = 0; at < unread.lengthBytes(); at += ChunkDigests.CHUNK_BYTES) {
                        writer().put(each, chunk(unread.offset() + at), ChunkDigests.unproved());
                    }
                    unread = watch.nextUnread(each, unread.offset() + unread.lengthBytes());
                }
            }
            return 0L;
        }, nothing -> buildTree());
    }

    private void buildTree() {
        onLane(() -> {
            for (int i = 0; i < PAGES_AT_ONCE; i++) {
                if (!writer().buildOn()) {
                    return 0L;
                }
            }
            return 1L;
        }, more -> {
            if (more > 0) {
                buildTree();
            } else {
                waits.whenJournaled(placed().position(), new Journaled());
            }
        });
    }

    /** A proof of a mark that nobody has would be of no use. */
    private final class Journaled implements SourceWaits.Arrival {
        @Override
        public void journaled() {
            finish();
        }

        @Override
        public void lost() {
            fail("the mark was lost with the records around it before it was journaled, and the stream has begun anew: ask"
                    + " again");
        }

        @Override
        public void ended(String why) {
            fail(why);
        }
    }

    private void finish() {
        if (ended) {
            return;
        }
        ProofHeader[] header = new ProofHeader[1];
        onLane(() -> {
            header[0] = writer().finish(new ProofWriter.Mark(machine.id(), placed().position(), request.label(),
                    placed().timeMicros()));
            writer().close();
            return 0L;
        }, nothing -> {
            ended = true;
            answer.done(header[0]);
        });
    }
}

package io.backhaul.engine.log;

import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.SegmentHeader.SyncMark;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameDecoder;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One machine's change stream in segment files: frames as they came, back to back, in the order of their positions.
 * <p>
 * Everything here blocks. The log has one owner at a time (a lane); {@link #cursor}, {@link #read} and the positions may
 * also be used from other threads, and show what is synced only. Frames given to {@link #append} stay the caller's.
 * <p>
 * Invariants: the frames of the log follow each other without a gap; what a returned {@link #sync} covered is never lost
 * by a crash, nor overwritten, nor cut silently; after a failed append or sync the log stands where the last successful
 * sync left it, and the next append mends the file first: it opens it anew, cuts what is not durable, and goes on.
 */
public final class SegmentLog implements AutoCloseable {
    private static final String SET_ASIDE = ".corrupt";
    private static final Logger LOG = LoggerFactory.getLogger(SegmentLog.class);

    /** Where a frame lies. */
    public record Placement(long segment, int offset, int lengthBytes) {}

    private final Volume volume;
    private final LogKind kind;
    private final UUID machine;
    private final SegmentLimits limits;
    private final ByteBufAllocator allocator;
    private final SegmentFiles files;
    private final ConcurrentSkipListMap<Long, Segment> segments = new ConcurrentSkipListMap<>();
    private final List<Placement> passedOver;
    private Segment tail;
    private SegmentFiles.Lease tailFile;
    private long marksWritten;
    private boolean broken;
    private volatile long sizeBytes;

    private SegmentLog(Volume volume, LogKind kind, UUID machine, SegmentLimits limits, ByteBufAllocator allocator,
            boolean tolerant) throws IOException {
        this.volume = volume;
        this.kind = kind;
        this.machine = machine;
        this.limits = limits;
        this.allocator = allocator;
        this.files = new SegmentFiles(volume);
        try {
            var recovery = new LogRecovery(new LogRecovery.Place(volume, files, kind, machine),
                    limits.indexStrideBytes(), allocator, tolerant);
            recovery.run().forEach(segment -> segments.put(segment.number(), segment));
            passedOver = List.copyOf(recovery.passedOver());
            if (segments.isEmpty()) {
                tail = make(1, Position.NONE, false);
                segments.put(1L, tail);
            } else {
                volume.syncFolder("");
                tail = segments.lastEntry().getValue();
            }
            tailFile = files.acquire(tail.number());
            writeMark();
            measure();
        } catch (IOException failed) {
            files.close();
            throw failed;
        }
    }

    /**
     * Opens a machine's log, or makes it, and finds its end.
     *
     * @param allocator
     *            gives the memory that is read into
     * @throws StoreException
     *             where the volume fails, is full, or holds what is corrupt, too old, too new or another's
     */
    public static SegmentLog open(Volume volume, LogKind kind, UUID machine, SegmentLimits limits,
            ByteBufAllocator allocator) throws IOException {
        return open(volume, kind, machine, limits, allocator, false);
    }

    /**
     * Opens a log as {@link #open(Volume, LogKind, UUID, SegmentLimits, ByteBufAllocator)} does, and passes over what is
     * corrupt: what it held cannot be read, and everything behind it can. {@link #passedOver} says where that is.
     *
     * @throws StoreException
     *             of kind CORRUPT where it is not known what follows what: where a file is missing, or too much is damaged
     */
    public static SegmentLog openDamaged(Volume volume, LogKind kind, UUID machine, SegmentLimits limits,
            ByteBufAllocator allocator) throws IOException {
        return open(volume, kind, machine, limits, allocator, true);
    }

    private static SegmentLog open(Volume volume, LogKind kind, UUID machine, SegmentLimits limits,
            ByteBufAllocator allocator, boolean tolerant) throws IOException {
        try {
            return new SegmentLog(volume, kind, machine, limits, allocator, tolerant);
        } catch (IOException failed) {
            throw StoreException.of(failed, "opening " + volume.describe());
        }
    }

    /**
     * Opens a log, and where a segment of it is corrupt, sets that one and all behind it aside, under names that end in
     * {@code .corrupt}: the log then ends before them.
     *
     * @param losses
     *            is told of each segment set aside
     */
    public static SegmentLog salvage(Volume volume, LogKind kind, UUID machine, SegmentLimits limits,
            ByteBufAllocator allocator, Consumer<StoreException> losses) throws IOException {
        while (true) {
            try {
                return open(volume, kind, machine, limits, allocator);
            } catch (StoreException damaged) {
                if (damaged.segment() == 0) {
                    throw damaged;
                }
                losses.accept(damaged);
                setAside(volume, Segment.fileName(damaged.segment()));
            }
        }
    }

    private static void setAside(Volume volume, String from) throws IOException {
        for (String name : volume.list("")) {
            if (Segment.isFileName(name) && name.compareTo(from) >= 0) {
                volume.rename(name, name + SET_ASIDE);
            }
        }
        volume.syncFolder("");
    }

    /** Deletes what {@link #salvage} has set aside in a log's folder; says whether there was anything. */
    public static boolean discardSetAside(Volume volume) throws IOException {
        boolean found = false;
        for (String name : volume.list("")) {
            if (name.endsWith(SET_ASIDE)) {
                volume.delete(name);
                found = true;
            }
        }
        return found;
    }

    /** Writes a frame behind the last one; it is durable after the next {@link #sync}. */
    public Placement append(Frame frame) throws IOException {
        return append(List.of(frame)).getFirst();
    }

    /**
     * Writes frames behind the last one, in one stroke and into one segment; they are durable after the next
     * {@link #sync}. Where this throws, none of them is in the log, and none that was appended since the last sync.
     *
     * @throws IllegalArgumentException
     *             where a frame is not this machine's or does not follow the one before
     */
    public List<Placement> append(List<Frame> frames) throws IOException {
        checkSuccession(frames);
        try {
            mend();
            if (tail.end() >= limits.segmentBytes()) {
                roll();
            }
            List<ByteBuffer> parts = new ArrayList<>(frames.size());
            for (Frame frame : frames) {
                parts.addAll(List.of(frame.bytes().nioBuffers()));
            }
            tailFile.file().write(tail.end(), parts.toArray(ByteBuffer[]::new));
            return note(frames);
        } catch (IOException failed) {
            throw broke(failed, "writing ");
        }
    }

    private void checkSuccession(List<Frame> frames) {
        Position last = tail.last();
        for (Frame frame : frames) {
            boolean begins = frame.type() == FrameType.GENERATION;
            if (!frame.type().isStream() || !frame.machine().equals(machine) || !Segment.follows(last, frame.first())
                    || begins != frame.generation() > last.generation()) {
                throw new IllegalArgumentException(
                        frame + " of " + frame.machine() + " behind " + last + " of " + machine);
            }
            last = frame.last();
        }
    }

    private List<Placement> note(List<Frame> frames) {
        List<Placement> placements = new ArrayList<>(frames.size());
        for (Frame frame : frames) {
            placements.add(new Placement(tail.number(), tail.end(), frame.lengthBytes()));
            tail.grow(frame.first(), frame.last(), frame.lengthBytes());
        }
        long sizeBefore = sizeBytes;
        sizeBytes = sizeBefore + placements.stream().mapToLong(Placement::lengthBytes).sum();
        return placements;
    }

    /** Makes durable what has been appended, and visible to readers. */
    public void sync() throws IOException {
        try {
            mend();
            if (!tail.isSynced()) {
                tailFile.file().sync();
                tail.markSynced();
                writeMark();
            }
        } catch (IOException failed) {
            throw broke(failed, "syncing ");
        }
    }

    /** A mark that cannot be written takes nothing back: the frames are durable; the file is mended before the next. */
    private void writeMark() {
        SyncMark mark = tail.synced();
        try {
            tailFile.file().write(SegmentHeader.markOffset(marksWritten++), tail.header().encodeMark(mark));
        } catch (IOException failed) {
            broken = true;
            LOG.debug("sync mark of {}: {}", describe(tail), failed.getMessage());
        }
    }

    private StoreException broke(IOException failed, String doing) {
        broken = true;
        tail.cutToSynced();
        measure();
        return StoreException.of(failed, doing + describe(tail));
    }

    private void mend() throws IOException {
        if (broken) {
            tail.cutToSynced();
            dropBegun();
            tailFile.close();
            files.forget(tail.number());
            tailFile = files.acquire(tail.number());
            if (tailFile.file().length() < tail.end()) {
                throw new StoreException(Kind.CORRUPT, describe(tail) + " is shorter than what had been synced");
            }
            tailFile.file().truncate(tail.end());
            tailFile.file().sync();
            broken = false;
        }
    }

    /**
     * A segment of which the making failed may stand there, whole. It must be gone, durably, before another frame goes to
     * the one before it: that would pass for sealed at the next opening.
     */
    private void dropBegun() throws IOException {
        long number = tail.number() + 1;
        if (volume.exists(Segment.fileName(number))) {
            files.forget(number);
            volume.delete(Segment.fileName(number));
        }
        volume.syncFolder("");
    }

    private void roll() throws IOException {
        sync();
        become(make(tail.number() + 1, tail.last(), false));
    }

    private void become(Segment made) throws IOException {
        broken = true;
        SegmentFiles.Lease file = files.acquire(made.number());
        tailFile.close();
        segments.put(made.number(), made);
        tail = made;
        tailFile = file;
        broken = false;
        measure();
    }

    private Segment make(long number, Position before, boolean restart) throws IOException {
        var header = new SegmentHeader(kind, machine, number, before, restart);
        String name = Segment.fileName(number);
        if (volume.exists(name)) {
            files.forget(number);
            volume.delete(name);
        }
        try (SegmentFiles.Lease lease = files.create(number)) {
            lease.file().write(0, header.encode());
            lease.file().sync();
            volume.syncFolder("");
        } catch (IOException failed) {
            broken = true;
            files.forget(number);
            throw failed;
        }
        return new Segment(header, limits.indexStrideBytes());
    }

    /** The first position held; NONE where no frame is held. */
    public Position first() {
        return segments.values().stream().map(Segment::first).filter(position -> !position.equals(Position.NONE))
                .findFirst().orElse(Position.NONE);
    }

    /** The position in front of the first frame held: a cursor can begin there, or behind it. */
    public Position before() {
        return segments.firstEntry().getValue().before();
    }

    /** The first generation above {@code generation} that the log holds, as far as it is known here; 0 where there is none. */
    public long generationAbove(long generation) {
        return segments.values().stream().mapToLong(segment -> segment.generationAbove(generation))
                .filter(found -> found != 0).findFirst().orElse(0);
    }

    /** The last position appended, which survives {@link #trimTo}; NONE in a new log. */
    public Position last() {
        return tail.last();
    }

    /** The name of the file that a frame lies in. */
    public static String fileName(Placement at) {
        return Segment.fileName(at.segment());
    }

    /** The number of the first segment there is. */
    public long oldestSegment() {
        return segments.firstKey();
    }

    /** The number of the segment that is written just now; all before it are whole. */
    public long newestSegment() {
        return segments.lastKey();
    }

    /** The last position that is durable. */
    public Position synced() {
        return segments.lastEntry().getValue().synced().last();
    }

    /**
     * Reads on behind {@code after}: the first frame given is the one that holds the position after it, or, where
     * {@code after} is before {@link #before}, the first frame there is.
     */
    public LogCursor cursor(Position after) {
        Segment start = segments.firstEntry().getValue();
        for (Segment segment : segments.values()) {
            start = after.isAtLeast(segment.before()) ? segment : start;
        }
        return new LogCursor(this, start, after);
    }

    /**
     * Reads one frame, verified and owned by the caller.
     *
     * @throws StoreException
     *             of kind CORRUPT where it does not match its checksum
     */
    public Frame read(Placement at) throws IOException {
        if (at.lengthBytes() > Limits.MAX_FRAME_BYTES) {
            throw damagedAt(at);
        }
        ByteBuf bytes = allocator.directBuffer(at.lengthBytes(), at.lengthBytes());
        try (SegmentFiles.Lease lease = files.acquire(at.segment())) {
            ByteBuffer target = bytes.nioBuffer(0, at.lengthBytes());
            while (target.hasRemaining()) {
                if (lease.file().read(at.offset() + (long) target.position(), target) <= 0) {
                    throw new EOFException("the file ends within the frame at " + at.offset());
                }
            }
            bytes.writerIndex(at.lengthBytes());
            if (FrameDecoder.whole(bytes.retain()) instanceof Decoded.Intact(Frame frame)) {
                return frame;
            }
            throw damagedAt(at);
        } catch (IOException failed) {
            throw StoreException.of(failed, "reading " + volume.describe() + "/" + Segment.fileName(at.segment()));
        } finally {
            bytes.release();
        }
    }

    private StoreException damagedAt(Placement at) {
        return new StoreException(Kind.CORRUPT, volume.describe() + "/" + Segment.fileName(at.segment())
                + ": the frame at " + at.offset() + " does not match its checksum; check the volume's hardware");
    }

    /** For reading all there is back: one for each segment, oldest first. */
    public List<SegmentCheck> checks() {
        return segments.values().stream()
                .map(segment -> new SegmentCheck(this, segment, new Segment.Start(segment.before(), 0))).toList();
    }

    /** Where the log was found to be damaged when it was opened: {@link #look} says what is wrong there. */
    public List<Placement> passedOver() {
        return passedOver;
    }

    /** What is wrong with a frame that could not be read: looks at it, and at what is around it. */
    public List<SegmentDamage> look(Placement at) throws IOException {
        Segment segment = segments.get(at.segment());
        if (segment == null) {
            return List.of();
        }
        SegmentCheck check = new SegmentCheck(this, segment, segment.startUpTo(at.offset()));
        List<SegmentDamage> found = new ArrayList<>();
        while (!check.isDone() && check.offset() <= at.offset()) {
            found.addAll(check.next(1));
        }
        return found;
    }

    boolean isGone(Segment segment) {
        return segments.get(segment.number()) != segment;
    }

    /** Shows every frame that is synced, oldest first. */
    public void scan(FrameVisitor visitor) throws IOException {
        try (LogCursor cursor = cursor(before())) {
            Frame frame = cursor.next();
            while (frame != null) {
                try {
                    visitor.frame(frame, cursor.placement());
                } finally {
                    frame.release();
                }
                frame = cursor.next();
            }
        }
    }

    /** As {@link #trimTo(Position, long)}: a segment is worth it that is half full. */
    public void trimTo(Position upTo) throws IOException {
        trimTo(upTo, limits.segmentBytes() / 2);
    }

    /**
     * Deletes segments of which no position is after {@code upTo}. The last segment stays, unless it could go and has grown
     * to {@code leastBytes}: then a new one is begun for what comes.
     */
    public void trimTo(Position upTo, long leastBytes) throws IOException {
        try {
            deleteUpTo(upTo);
            if (upTo.isAtLeast(tail.last()) && tail.isSynced() && tail.end() >= leastBytes && !tail.isEmpty()) {
                mend();
                roll();
                deleteUpTo(upTo);
            }
        } catch (IOException failed) {
            throw StoreException.of(failed, "trimming " + volume.describe());
        }
    }

    private void deleteUpTo(Position upTo) throws IOException {
        Map.Entry<Long, Segment> second = segments.higherEntry(segments.firstKey());
        while (second != null && upTo.isAtLeast(second.getValue().before())) {
            deleteFirst();
            second = segments.higherEntry(segments.firstKey());
        }
    }

    private void deleteFirst() throws IOException {
        Segment first = segments.firstEntry().getValue();
        if (volume.exists(first.fileName())) {
            volume.delete(first.fileName());
        }
        volume.syncFolder("");
        segments.remove(first.number());
        files.forget(first.number());
        measure();
    }

    /**
     * Gives up everything the log holds, durable or not, and begins anew behind {@code before}, which may be any position.
     */
    public void restartAt(Position before) throws IOException {
        try {
            become(make(segments.lastKey() + 1, before, true));
            while (segments.size() > 1) {
                deleteFirst();
            }
        } catch (IOException failed) {
            StoreException cause = StoreException.of(failed, "beginning anew in " + volume.describe());
            while (cause.kind() == Kind.FULL && segments.size() > 1) {
                deleteFirst();
            }
            throw cause;
        }
    }

    /** Bytes of all segments, headers included. */
    public long sizeBytes() {
        return sizeBytes;
    }

    private void measure() {
        sizeBytes = segments.values().stream().mapToLong(Segment::end).sum();
    }

    /** How long a segment grows. */
    int segmentBytes() {
        return limits.segmentBytes();
    }

    /** The folder that the log lies in, for messages. */
    public String describe() {
        return volume.describe();
    }

    String describe(Segment segment) {
        return volume.describe() + "/" + segment.fileName();
    }

    ByteBufAllocator allocator() {
        return allocator;
    }

    SegmentFiles files() {
        return files;
    }

    @Nullable
    Segment segmentBehind(Segment segment) {
        Map.Entry<Long, Segment> entry = segments.higherEntry(segment.number());
        return entry == null ? null : entry.getValue();
    }

    /** Syncs what has been appended, so that the next open has nothing to doubt, and closes the files. */
    @Override
    public void close() throws IOException {
        try {
            sync();
            if (!broken) {
                tailFile.file().sync();
            }
        } finally {
            tailFile.close();
            files.close();
        }
    }
}

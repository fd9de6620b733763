package io.backhaul.engine.log;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.Segment.Start;
import io.backhaul.engine.log.SegmentHeader.SyncMark;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameHeader;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out what a log holds when it is opened. Sealed segments must be whole: numbers, positions and the header checksums
 * of all frames are checked, bodies when they are read. In the last segment everything is checked; what is bad behind its
 * sync mark was never acknowledged and is cut off, what is bad before it is corruption. Corruption ends the opening, or is
 * passed over as far as that can be done without doubt, where that is wanted. The rule is explained in
 * {@code docs/ONDISK.md}.
 */
final class LogRecovery {
    private static final Logger LOG = LoggerFactory.getLogger(LogRecovery.class);
    private static final int WINDOW_BYTES = 4096;
    private static final int REWRITE_BYTES = 1 << 20;
    private static final Position LAST = new Position(Long.MAX_VALUE, Long.MAX_VALUE);

    private final Volume volume;
    private final SegmentFiles files;
    private final LogKind kind;
    private final UUID machine;
    private final int indexStrideBytes;
    private final ByteBufAllocator allocator;
    private final boolean tolerant;
    private final List<Placement> passedOver = new ArrayList<>();

    /** Which log it is, and where it lies. */
    record Place(Volume volume, SegmentFiles files, LogKind kind, UUID machine) {}

    /**
     * @param tolerant
     *            whether corruption is passed over
     */
    LogRecovery(Place place, int indexStrideBytes, ByteBufAllocator allocator, boolean tolerant) {
        this.volume = place.volume;
        this.files = place.files;
        this.kind = place.kind;
        this.machine = place.machine;
        this.indexStrideBytes = indexStrideBytes;
        this.allocator = allocator;
        this.tolerant = tolerant;
    }

    /** The segments that belong to the log, oldest first; empty for a log that is new. */
    List<Segment> run() throws IOException {
        List<First> blocks = dropGivenUp(firstBlocks());
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < blocks.size(); i++) {
            First block = blocks.get(i);
            Segment previous = segments.isEmpty() ? null : segments.getLast();
            SegmentHeader header = block.header == null ? replaced(block.number, previous) : block.header;
            join(previous, header);
            Segment segment = new Segment(header, indexStrideBytes);
            if (i == blocks.size() - 1) {
                recoverTail(segment, header.farthestMark(block.block));
            } else {
                walkSealed(segment, blocks.get(i + 1).header);
            }
            segments.add(segment);
        }
        return segments;
    }

    /**
     * A segment's first block.
     *
     * @param header
     *            null where it is damaged
     */
    private record First(long number, ByteBuffer block, @Nullable SegmentHeader header) {}

    private List<First> firstBlocks() throws IOException {
        List<First> blocks = new ArrayList<>();
        List<Long> numbers = numbers();
        for (long number : numbers) {
            try (SegmentFiles.Lease lease = files.acquire(number)) {
                ByteBuffer block = block(lease.file());
                if (number == numbers.getLast() && wasNeverFinished(lease.file(), block, number, numbers.size())) {
                    dropUnfinished(number);
                    continue;
                }
                boolean isWhole = SegmentHeader.isWhole(block);
                if (!isWhole && (!tolerant || block.limit() < SegmentHeader.LENGTH_BYTES)) {
                    throw corrupt(number, "the segment header is damaged");
                }
                SegmentHeader header = isWhole ? SegmentHeader.read(name(number), block, kind, machine) : null;
                if (header != null && header.number() != number) {
                    throw corrupt(number, "its header says number " + header.number());
                }
                blocks.add(new First(number, block, header));
            }
        }
        return blocks;
    }

    /** What a damaged header said is known from the segment before it, or from the first frame; it is written again. */
    private SegmentHeader replaced(long number, @Nullable Segment previous) throws IOException {
        try (SegmentFiles.Lease lease = files.acquire(number)) {
            Position before = previous == null ? beforeFirstFrame(lease.file()) : previous.last();
            SegmentHeader header = new SegmentHeader(kind, machine, number, before, false);
            LOG.warn("{}: the segment header was damaged and is written anew; check the volume's hardware",
                    name(number));
            lease.file().write(0, header.encode().limit(SegmentHeader.MARKS_OFFSET));
            lease.file().sync();
            return header;
        }
    }

    private Position beforeFirstFrame(StoredFile file) throws IOException {
        int at = SegmentHeader.LENGTH_BYTES;
        Start found = search(Position.NONE, LAST).find(file, at, file.length());
        return found == null || found.offset() > at || found.before().sequence() == 0 ? Position.NONE : found.before();
    }

    private FrameSearch search(Position after, Position upTo) {
        return new FrameSearch(machine, after, upTo, allocator);
    }

    /** A segment goes on where the one before it ends, unless frames are missing there. */
    private void join(@Nullable Segment previous, SegmentHeader header) throws StoreException {
        if (previous == null || header.before().equals(previous.last())) {
            return;
        }
        if (!tolerant || header.before().isBefore(previous.last())) {
            throw corrupt(header.number(), "it begins behind " + header.before() + ", the segment before it ends at "
                    + previous.last());
        }
        pass(previous, new Start(header.before(), previous.end() + 1), true, "the file is too short");
        previous.markSynced();
    }

    /** Goes on behind what cannot be read. */
    private void pass(Segment segment, Start next, boolean toTheEnd, String defect) {
        LOG.warn("{} at {}, behind position {}: {}; passed over up to {}, behind {}", name(segment.number()),
                segment.end(), segment.last(), defect, next.offset(), next.before());
        passedOver.add(new Placement(segment.number(), segment.end(), next.offset() - segment.end()));
        segment.skipTo(next, toTheEnd);
    }

    /** The places that could not be read; none where corruption ends the opening. */
    List<Placement> passedOver() {
        return passedOver;
    }

    private List<Long> numbers() throws IOException {
        List<Long> numbers = new ArrayList<>();
        for (String name : volume.list("")) {
            if (Segment.isFileName(name)) {
                numbers.add(Long.parseUnsignedLong(name, 0, 16, 16));
            }
        }
        numbers.sort(null);
        for (int i = 1; i < numbers.size(); i++) {
            if (numbers.get(i) != numbers.get(i - 1) + 1) {
                throw corrupt(numbers.get(i) - 1, "the file is missing");
            }
        }
        return numbers;
    }

    private static ByteBuffer block(StoredFile file) throws IOException {
        ByteBuffer block = ByteBuffer.allocateDirect(SegmentHeader.LENGTH_BYTES);
        file.fill(0, block);
        return block.flip();
    }

    /**
     * A crash while a segment is made leaves a file without frames and perhaps without a header. Nothing is lost with it:
     * its header says no more than its predecessor does, or it is a log's very first.
     */
    private static boolean wasNeverFinished(StoredFile file, ByteBuffer block, long number, int files)
            throws IOException {
        return !SegmentHeader.isWhole(block) && file.length() <= SegmentHeader.LENGTH_BYTES
                && (files > 1 || number == 1);
    }

    private void dropUnfinished(long number) throws IOException {
        LOG.info("{} was being made when the process ended; it is removed", name(number));
        files.forget(number);
        volume.delete(Segment.fileName(number));
        volume.syncFolder("");
    }

    private List<First> dropGivenUp(List<First> blocks) throws IOException {
        int start = 0;
        for (int i = 0; i < blocks.size(); i++) {
            SegmentHeader header = blocks.get(i).header;
            start = header != null && header.restart() ? i : start;
        }
        for (First old : blocks.subList(0, start)) {
            files.forget(old.number);
            volume.delete(Segment.fileName(old.number));
            volume.syncFolder("");
        }
        return blocks.subList(start, blocks.size());
    }

    private void walkSealed(Segment segment, @Nullable SegmentHeader following) throws IOException {
        ByteBuf window = allocator.directBuffer(WINDOW_BYTES, WINDOW_BYTES);
        try (SegmentFiles.Lease lease = files.acquire(segment.number())) {
            long length = lease.file().length();
            long windowAt = 0;
            while (segment.end() < length) {
                int inWindow = (int) (segment.end() - windowAt);
                if (windowAt == 0 || inWindow + FrameHeader.LENGTH_BYTES > window.writerIndex()) {
                    fill(lease.file(), segment.end(), window);
                    windowAt = segment.end();
                    inWindow = 0;
                }
                String defect = noteSealed(segment, window, inWindow, length);
                if (!defect.isEmpty()) {
                    passSealed(segment, lease.file(), following, defect);
                    windowAt = 0;
                }
            }
        } finally {
            window.release();
        }
        segment.markSynced();
    }

    private void passSealed(Segment segment, StoredFile file, @Nullable SegmentHeader following, String defect)
            throws IOException {
        if (!tolerant) {
            throw corrupt(segment.number(), defect);
        }
        Position upTo = following == null ? LAST : following.before();
        Start next = search(segment.last(), upTo).find(file, segment.end() + 1L, file.length());
        if (next == null && following == null) {
            throw corrupt(segment.number(), defect + "; and the next segment's header is damaged as well");
        }
        pass(segment, next == null ? new Start(upTo, (int) file.length()) : next, next == null, defect);
    }

    private static void fill(StoredFile file, long offset, ByteBuf window) throws IOException {
        ByteBuffer target = window.clear().nioBuffer(0, WINDOW_BYTES);
        int total = 0;
        int read = file.read(offset, target);
        while (read > 0) {
            total += read;
            read = target.hasRemaining() ? file.read(offset + total, target) : 0;
        }
        window.writerIndex(total);
    }

    /** What is wrong with the next frame; empty where nothing is, and it has been noted. */
    private String noteSealed(Segment segment, ByteBuf window, int at, long length) {
        int frameBytes = at + FrameHeader.LENGTH_BYTES <= window.writerIndex()
                ? FrameHeader.frameLengthBytes(window, at)
                : -1;
        if (frameBytes < 0 || segment.end() + (long) frameBytes > length) {
            return "no whole frame at " + segment.end() + ", behind position " + segment.last();
        }
        Position first = FrameHeader.first(window, at);
        if (!FrameHeader.isStream(window, at) || !FrameHeader.machine(window, at).equals(machine)
                || !Segment.follows(segment.last(), first)) {
            return first + " at " + segment.end() + " does not follow " + segment.last();
        }
        segment.grow(first, FrameHeader.last(window, at), frameBytes);
        return "";
    }

    private void recoverTail(Segment segment, @Nullable SyncMark mark) throws IOException {
        int acknowledgedTo = mark == null ? SegmentHeader.LENGTH_BYTES : mark.end();
        try (SegmentFiles.Lease lease = files.acquire(segment.number())) {
            String defect = walkTail(segment, lease.file(), acknowledgedTo);
            while (mark != null && segment.end() < acknowledgedTo) {
                passTail(segment, lease.file(), mark, defect);
                defect = walkTail(segment, lease.file(), acknowledgedTo);
            }
            long length = lease.file().length();
            if (length > segment.end()) {
                LOG.info("{}: {} bytes behind {} were never acknowledged and are cut off: {}", name(segment.number()),
                        length - segment.end(), segment.last(), defect);
            }
            if (length != segment.end()) {
                lease.file().truncate(segment.end());
            }
            rewrite(lease.file(), 0, SegmentHeader.LENGTH_BYTES);
            rewrite(lease.file(), acknowledgedTo, segment.end());
            lease.file().sync();
            volume.syncFolder("");
            segment.markSynced();
        }
    }

    private void passTail(Segment segment, StoredFile file, SyncMark mark, String defect) throws IOException {
        if (!tolerant) {
            throw corrupt(segment.number(), "at " + segment.end() + ", behind position " + segment.last() + ", "
                    + defect + ", though everything up to " + mark.end() + " had been synced");
        }
        Start next = search(segment.last(), mark.last()).find(file, segment.end() + 1L,
                Math.min(mark.end(), file.length()));
        pass(segment, next == null ? new Start(mark.last(), mark.end()) : next, false, defect);
    }

    /**
     * Writes again, as it is, what no sync is known to have made durable. A sync that failed in the last process may have left
     * pages that read as written and count as clean (Linux does so, by fsync(2)): no later sync would write them.
     */
    private static void rewrite(StoredFile file, long from, long to) throws IOException {
        ByteBuffer chunk = ByteBuffer.allocateDirect(REWRITE_BYTES);
        for (long at = from; at < to; at += chunk.limit()) {
            chunk.clear().limit((int) Math.min(REWRITE_BYTES, to - at));
            while (chunk.hasRemaining()) {
                if (file.read(at + chunk.position(), chunk) <= 0) {
                    throw new IOException("the file has become shorter than " + to + " bytes");
                }
            }
            file.write(at, chunk.flip());
            chunk.flip();
        }
    }

    /** Notes frames up to the first one that is not whole; says what is wrong there. */
    private String walkTail(Segment segment, StoredFile file, int acknowledgedTo) throws IOException {
        int limit = (int) Math.min(Integer.MAX_VALUE, file.length());
        try (FrameReader reader = new FrameReader(allocator, segment.end())) {
            while (true) {
                String defect = switch (reader.next(file, limit)) {
                    case null -> "the file ends";
                    case Decoded.Damaged frame -> noteDamaged(segment, frame, acknowledgedTo);
                    case Decoded.Lost lost -> lost.why();
                    case Decoded.Intact(Frame frame) -> {
                        String wrong = noteTail(segment, frame);
                        frame.release();
                        yield wrong;
                    }
                };
                if (!defect.isEmpty()) {
                    return defect;
                }
            }
        }
    }

    /** A frame whose header can be trusted, and whose body was as it should be once. */
    private String noteDamaged(Segment segment, Decoded.Damaged frame, int acknowledgedTo) {
        SegmentDamage damage = segment.damaged(segment.end(), segment.last(), frame);
        if (!tolerant || segment.end() + (long) frame.lengthBytes() > acknowledgedTo
                || !Segment.follows(segment.last(), frame.first())) {
            return damage.what();
        }
        passedOver.add(new Placement(segment.number(), damage.offset(), damage.lengthBytes()));
        segment.grow(frame.first(), frame.last(), frame.lengthBytes());
        return "";
    }

    private String noteTail(Segment segment, Frame frame) {
        if (!frame.type().isStream() || !frame.machine().equals(machine)
                || !Segment.follows(segment.last(), frame.first())) {
            return frame + " of machine " + frame.machine() + " does not follow";
        }
        segment.grow(frame.first(), frame.last(), frame.lengthBytes());
        return "";
    }

    private String name(long number) {
        return volume.describe() + "/" + Segment.fileName(number);
    }

    private StoreException corrupt(long number, String what) {
        return StoreException.corrupt(number, name(number) + ": " + what + "; check the volume's hardware");
    }
}

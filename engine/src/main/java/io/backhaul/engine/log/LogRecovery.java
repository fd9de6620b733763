package io.backhaul.engine.log;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.SegmentHeader.SyncMark;
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
 * sync mark was never acknowledged and is cut off, what is bad before it is corruption and is reported. The rule is
 * explained in {@code docs/ONDISK.md}.
 */
final class LogRecovery {
    private static final Logger LOG = LoggerFactory.getLogger(LogRecovery.class);
    private static final int WINDOW_BYTES = 4096;
    private static final int REWRITE_BYTES = 1 << 20;

    private final Volume volume;
    private final SegmentFiles files;
    private final LogKind kind;
    private final UUID machine;
    private final int indexStrideBytes;
    private final ByteBufAllocator allocator;

    LogRecovery(Volume volume, SegmentFiles files, LogKind kind, UUID machine, int indexStrideBytes,
            ByteBufAllocator allocator) {
        this.volume = volume;
        this.files = files;
        this.kind = kind;
        this.machine = machine;
        this.indexStrideBytes = indexStrideBytes;
        this.allocator = allocator;
    }

    /** The segments that belong to the log, oldest first; empty for a log that is new. */
    List<Segment> run() throws IOException {
        List<SegmentHeader> headers = new ArrayList<>();
        SyncMark mark = null;
        List<Long> numbers = numbers();
        for (long number : numbers) {
            try (SegmentFiles.Lease lease = files.acquire(number)) {
                ByteBuffer block = block(lease.file());
                if (number == numbers.getLast() && wasNeverFinished(lease.file(), block, number, numbers.size())) {
                    dropUnfinished(number);
                    continue;
                }
                if (!SegmentHeader.isWhole(block)) {
                    throw corrupt(number, "the segment header is damaged");
                }
                SegmentHeader header = SegmentHeader.read(name(number), block, kind, machine);
                if (header.number() != number) {
                    throw corrupt(number, "its header says number " + header.number());
                }
                headers.add(header);
                mark = header.farthestMark(block);
            }
        }
        dropGivenUp(headers);
        List<Segment> segments = new ArrayList<>();
        for (SegmentHeader header : headers) {
            Segment segment = new Segment(header, indexStrideBytes);
            Segment previous = segments.isEmpty() ? null : segments.getLast();
            if (previous != null && !header.before().equals(previous.last())) {
                throw corrupt(header.number(),
                        "it begins behind " + header.before() + ", the segment before it ends at "
                                + previous.last());
            }
            if (header.equals(headers.getLast())) {
                recoverTail(segment, mark);
            } else {
                walkSealed(segment);
            }
            segments.add(segment);
        }
        return segments;
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

    private void dropGivenUp(List<SegmentHeader> headers) throws IOException {
        int start = 0;
        for (int i = 0; i < headers.size(); i++) {
            start = headers.get(i).restart() ? i : start;
        }
        for (SegmentHeader old : headers.subList(0, start)) {
            files.forget(old.number());
            volume.delete(Segment.fileName(old.number()));
            volume.syncFolder("");
        }
        headers.subList(0, start).clear();
    }

    private void walkSealed(Segment segment) throws IOException {
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
                noteSealed(segment, window, inWindow, length);
            }
        } finally {
            window.release();
        }
        segment.markSynced();
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

    private void noteSealed(Segment segment, ByteBuf window, int at, long length) throws StoreException {
        int frameBytes = at + FrameHeader.LENGTH_BYTES <= window.writerIndex()
                ? FrameHeader.frameLengthBytes(window, at)
                : -1;
        if (frameBytes < 0 || segment.end() + (long) frameBytes > length) {
            throw corrupt(segment.number(),
                    "no whole frame at " + segment.end() + ", behind position " + segment.last());
        }
        Position first = FrameHeader.first(window, at);
        if (!FrameHeader.isStream(window, at) || !FrameHeader.machine(window, at).equals(machine)
                || !Segment.follows(segment.last(), first)) {
            throw corrupt(segment.number(), first + " at " + segment.end() + " does not follow " + segment.last());
        }
        segment.grow(first, FrameHeader.last(window, at), frameBytes);
    }

    private void recoverTail(Segment segment, @Nullable SyncMark mark) throws IOException {
        int acknowledgedTo = mark == null ? SegmentHeader.LENGTH_BYTES : mark.end();
        try (SegmentFiles.Lease lease = files.acquire(segment.number())) {
            String defect = walkTail(segment, lease.file());
            if (segment.end() < acknowledgedTo) {
                throw corrupt(segment.number(), "at " + segment.end() + ", behind position " + segment.last() + ", "
                        + defect + ", though everything up to " + acknowledgedTo + " had been synced");
            }
            long length = lease.file().length();
            if (length > segment.end()) {
                LOG.info("{}: {} bytes behind {} were never acknowledged and are cut off: {}", name(segment.number()),
                        length - segment.end(), segment.last(), defect);
                lease.file().truncate(segment.end());
            }
            rewrite(lease.file(), 0, SegmentHeader.LENGTH_BYTES);
            rewrite(lease.file(), acknowledgedTo, segment.end());
            lease.file().sync();
            volume.syncFolder("");
            segment.markSynced();
        }
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

    private String walkTail(Segment segment, StoredFile file) throws IOException {
        int limit = (int) Math.min(Integer.MAX_VALUE, file.length());
        try (FrameReader reader = new FrameReader(allocator, SegmentHeader.LENGTH_BYTES)) {
            while (true) {
                switch (reader.next(file, limit)) {
                    case null -> {
                        return "the file ends";
                    }
                    case Decoded.Damaged damaged -> {
                        return "the body of " + damaged.first() + " does not match its checksum";
                    }
                    case Decoded.Lost lost -> {
                        return lost.why();
                    }
                    case Decoded.Intact(Frame frame) -> {
                        String defect = noteTail(segment, frame);
                        frame.release();
                        if (!defect.isEmpty()) {
                            return defect;
                        }
                    }
                }
            }
        }
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

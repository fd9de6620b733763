package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.mastertarget.RunHeader.Span;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a run, page by page; what stood under its name is replaced once the new one is whole and durable. Holds some pages,
 * whatever the run's length. Used by one lane.
 * <p>
 * A piece: start (8), segment less the run's first (4), frame's offset (4), frame's length (4), payload's offset (4), length,
 * with the highest bit set where it is zero (4), disk (2), zeroes (2). A fence: disk (8), start (8). A page of either ends
 * with its count (4) and its checksum (4).
 */
final class RunWriter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RunWriter.class);
    private static final int CHUNK_PAGES = 32;
    static final int ZERO_FLAG = 1 << 31;

    private final Volume volume;
    private final UUID machine;
    private final About about;
    private final String temporary;
    private final StoredFile file;
    private final ByteBuffer chunk = RunHeader.allocate(CHUNK_PAGES * RunHeader.PAGE_BYTES);
    private int pagesWritten;
    private int pagesGathered;
    private int inPage;
    private long pieces;
    private boolean finished;

    /** What a run is made from. */
    record About(Span span, IndexUnit.Reach reach, IndexUnit.Times times, long extents, List<IndexUnit.Event> events) {
        static About unit(IndexUnit unit, List<IndexUnit.Event> events) {
            return new About(new Span(0, unit.number(), unit.number()), unit.reach(), unit.times(), unit.extents(),
                    events);
        }
    }

    RunWriter(Volume volume, UUID machine, About about) throws IOException {
        this.volume = volume;
        this.machine = machine;
        this.about = about;
        this.temporary = about.span.fileName() + ".new";
        if (volume.exists(temporary)) {
            volume.delete(temporary);
        }
        this.file = volume.create(temporary);
    }

    /** Takes so many pieces; false where there are no more. */
    boolean take(Piece.Source source, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            Piece piece = source.next();
            if (piece == null) {
                return false;
            }
            add(piece);
        }
        return true;
    }

    private void add(Piece piece) throws IOException {
        if (inPage == RunShape.PIECES_PER_LEAF) {
            endPage();
        }
        int at = pagesGathered * RunHeader.PAGE_BYTES + RunShape.PIECE_BYTES * inPage++;
        Placement frame = piece.at();
        chunk.putLong(at, piece.start())
                .putInt(at + 8, Math.toIntExact(frame.segment() - about.reach.firstSegment()))
                .putInt(at + 12, frame.offset()).putInt(at + 16, frame.lengthBytes())
                .putInt(at + 20, piece.payloadOffset())
                .putInt(at + 24, piece.lengthBytes() | (piece.zero() ? ZERO_FLAG : 0))
                .putShort(at + 28, (short) piece.disk());
        pieces++;
    }

    private void endPage() throws IOException {
        if (inPage == 0) {
            return;
        }
        int at = pagesGathered * RunHeader.PAGE_BYTES;
        chunk.putInt(at + RunHeader.COUNT_OFFSET, inPage);
        chunk.putInt(at + RunHeader.CRC_OFFSET, RunHeader.crc(chunk, at, RunHeader.CRC_OFFSET));
        inPage = 0;
        pagesGathered++;
        if (pagesGathered == CHUNK_PAGES) {
            flush();
        }
    }

    private void flush() throws IOException {
        chunk.clear().limit(pagesGathered * RunHeader.PAGE_BYTES);
        file.write((pagesWritten + 1L) * RunHeader.PAGE_BYTES, chunk);
        pagesWritten += pagesGathered;
        pagesGathered = 0;
        chunk.clear().put(new byte[chunk.capacity()]).clear();
    }

    /** Makes it whole and durable, and gives it its name. */
    RunHeader finish() throws IOException {
        endPage();
        flush();
        int leaves = pagesWritten;
        RunShape shape = new RunShape(leaves);
        for (int level = 1; level <= shape.height(); level++) {
            fence(shape.firstPage(level - 1), shape.pages(level - 1), level == 1);
        }
        ByteBuffer events = events();
        if (events.hasRemaining()) {
            file.write(shape.eventsOffset(), events.duplicate());
        }
        RunHeader header = new RunHeader(about.span, about.reach, about.times, new RunHeader.Content(leaves,
                about.extents, pieces, about.events.size(), RunHeader.crc(events, 0, events.limit())));
        file.write(0, header.encode(machine));
        file.sync();
        file.close();
        finished = true;
        volume.rename(temporary, about.span.fileName());
        volume.syncFolder("");
        return header;
    }

    /** Writes the fences of some pages, which are read back. */
    private void fence(int firstPage, int pages, boolean overLeaves) throws IOException {
        ByteBuffer read = RunHeader.allocate(CHUNK_PAGES * RunHeader.PAGE_BYTES);
        for (int done = 0; done < pages; done += CHUNK_PAGES) {
            int count = Math.min(CHUNK_PAGES, pages - done);
            read.clear().limit(count * RunHeader.PAGE_BYTES);
            while (read.hasRemaining()) {
                if (file.read((long) (firstPage + done) * RunHeader.PAGE_BYTES + read.position(), read) <= 0) {
                    throw new EOFException(volume.describe() + "/" + temporary + " has become shorter");
                }
            }
            for (int page = 0; page < count; page++) {
                int from = page * RunHeader.PAGE_BYTES;
                if (RunHeader.crc(read, from, RunHeader.CRC_OFFSET) != read.getInt(from + RunHeader.CRC_OFFSET)) {
                    throw new IOException(volume.describe() + "/" + temporary + " reads back otherwise than written");
                }
                fence(overLeaves ? read.getShort(from + 28) & 0xffff : read.getLong(from),
                        read.getLong(overLeaves ? from : from + 8));
            }
        }
        endPage();
        flush();
    }

    private void fence(long disk, long start) throws IOException {
        if (inPage == RunShape.FENCES_PER_PAGE) {
            endPage();
        }
        int at = pagesGathered * RunHeader.PAGE_BYTES + RunShape.FENCE_BYTES * inPage++;
        chunk.putLong(at, disk).putLong(at + 8, start);
    }

    private ByteBuffer events() {
        ByteBuffer events = RunHeader.allocate(RunEvents.EVENT_BYTES * about.events.size());
        for (IndexUnit.Event event : about.events) {
            RunEvents.put(events, event);
        }
        return events.flip();
    }

    /** Writes the run of a unit, whole. */
    static RunHeader write(Volume volume, UUID machine, IndexUnit unit, UnitTable table, int[] disks)
            throws IOException {
        IndexSnapshot snapshot = new IndexSnapshot(List.of(table.slice(unit.before(), unit.last())));
        try (RunWriter writer = new RunWriter(volume, machine, About.unit(unit, table.events()))) {
            writer.take(new SnapshotPieces(snapshot, disks), Integer.MAX_VALUE);
            return writer.finish();
        }
    }

    /** Whatever is not finished is given up, and its room given back; where that fails, the next time or start does it. */
    @Override
    public void close() {
        try {
            file.close();
            if (!finished && volume.exists(temporary)) {
                volume.delete(temporary);
            }
        } catch (IOException later) {
            LOG.debug("{}/{}: {}", volume.describe(), temporary, later.getMessage());
        }
    }
}

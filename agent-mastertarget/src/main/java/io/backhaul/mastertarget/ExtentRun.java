package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.mastertarget.RunHeader.Span;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A side file of the journal: what some neighbouring units have brought newest, sorted by place, under a tree of fences.
 * Written once, never changed; whatever is wrong with it, the journal makes it anew. Keeps nothing in memory but what the
 * cache holds. Safe for any thread.
 */
final class ExtentRun {
    private static final int READ_AHEAD_PAGES = 32;

    private final int number;
    private final RunHeader header;
    private final RunShape shape;
    private final RunFiles files;
    private final PageCache cache;

    /**
     * @param number
     *            what its pages are called in the cache
     */
    ExtentRun(int number, RunHeader header, RunFiles files, PageCache cache) {
        this.number = number;
        this.header = header;
        this.shape = new RunShape(header.content().leaves());
        this.files = files;
        this.cache = cache;
    }

    RunHeader header() {
        return header;
    }

    /** What no other run that stood or stands here is called. */
    int number() {
        return number;
    }

    Span span() {
        return header.span();
    }

    /**
     * Reads and verifies the header of a run.
     *
     * @throws DamagedRunException
     *             where it is not what was written
     */
    static RunHeader open(RunFiles files, UUID machine, Span span) throws IOException {
        ByteBuffer page = RunHeader.allocate(RunHeader.PAGE_BYTES);
        fill(files, span, 0, page);
        RunHeader header = RunHeader.decode(page, machine);
        if (header == null || header.span().level() != span.level() || header.span().first() != span.first()) {
            throw new DamagedRunException(span, span.fileName() + ": its header is not that of this run");
        }
        return header;
    }

    static void fill(RunFiles files, Span span, long offset, ByteBuffer target) throws IOException {
        try {
            files.read(span.fileName(), offset, target);
        } catch (EOFException | NoSuchFileException lost) {
            throw new DamagedRunException(span, String.valueOf(lost.getMessage()));
        }
        target.flip();
    }

    private ByteBuffer page(int page, boolean inner) throws IOException {
        ByteBuffer known = cache.get(number, page);
        if (known != null) {
            return known;
        }
        ByteBuffer bytes = RunHeader.allocate(RunHeader.PAGE_BYTES);
        fill(files, span(), (long) page * RunHeader.PAGE_BYTES, bytes);
        verify(bytes, 0, page, inner);
        cache.put(number, page, inner, bytes);
        return bytes;
    }

    private void verify(ByteBuffer bytes, int at, int page, boolean inner) throws DamagedRunException {
        int count = bytes.getInt(at + RunHeader.COUNT_OFFSET);
        int limit = inner ? RunShape.FENCES_PER_PAGE : RunShape.PIECES_PER_LEAF;
        if (bytes.getInt(at + RunHeader.CRC_OFFSET) != RunHeader.crc(bytes, at, RunHeader.CRC_OFFSET) || count < 1
                || count > limit) {
            throw new DamagedRunException(span(),
                    span().fileName() + ": page " + page + " does not match its checksum");
        }
    }

    /** The leaf that may hold the place, from 0. */
    private int leafOf(int disk, long offset) throws IOException {
        int index = 0;
        for (int level = shape.height(); level > 0; level--) {
            ByteBuffer fences = page(shape.firstPage(level) + index, true);
            int low = 0;
            int high = fences.getInt(RunHeader.COUNT_OFFSET);
            while (low < high) {
                int middle = (low + high) >>> 1;
                int at = RunShape.FENCE_BYTES * middle;
                long fenceDisk = fences.getLong(at);
                if (fenceDisk < disk || (fenceDisk == disk && fences.getLong(at + 8) <= offset)) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            index = index * RunShape.FENCES_PER_PAGE + Math.max(0, low - 1);
        }
        return index;
    }

    private Piece piece(ByteBuffer leaf, int at) {
        int length = leaf.getInt(at + 24);
        Placement frame = new Placement(header.reach().firstSegment() + leaf.getInt(at + 8), leaf.getInt(at + 12),
                leaf.getInt(at + 16));
        return new Piece(leaf.getShort(at + 28) & 0xffff, leaf.getLong(at), length & ~RunWriter.ZERO_FLAG, length < 0,
                frame, leaf.getInt(at + 20));
    }

    /** Looks pieces up; the leaf it stands at is held. Of one thread. */
    final class Probe {
        private ByteBuffer leaf = RunHeader.allocate(0);
        private int count;
        private int leafNumber = -1;

        /** The piece that covers the place, or the next one behind it on the same disk; null where there is none. */
        @Nullable
        Piece first(int disk, long offset) throws IOException {
            if (shape.pages(0) == 0) {
                return null;
            }
            if (!isHere(disk, offset)) {
                load(leafOf(disk, offset));
            }
            int low = 0;
            int high = count;
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (isBefore(middle, disk, offset)) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            if (low == count) {
                if (leafNumber + 1 == shape.pages(0)) {
                    return null;
                }
                load(leafNumber + 1);
                low = 0;
            }
            Piece found = piece(leaf, RunShape.PIECE_BYTES * low);
            return found.disk() == disk ? found : null;
        }

        /** Whether what covers the place, or follows it, can only be in the leaf that is held. */
        private boolean isHere(int disk, long offset) {
            return leafNumber >= 0 && leaf.getShort(28) == (short) disk && leaf.getLong(0) <= offset
                    && !isBefore(count - 1, disk, offset);
        }

        /** Whether the piece ends at or before the place. */
        private boolean isBefore(int index, int disk, long offset) {
            int at = RunShape.PIECE_BYTES * index;
            int pieceDisk = leaf.getShort(at + 28) & 0xffff;
            return pieceDisk < disk || (pieceDisk == disk
                    && leaf.getLong(at) + (leaf.getInt(at + 24) & ~RunWriter.ZERO_FLAG) <= offset);
        }

        private void load(int next) throws IOException {
            if (next != leafNumber) {
                leaf = page(shape.firstPage(0) + next, false);
                count = leaf.getInt(RunHeader.COUNT_OFFSET);
                leafNumber = next;
            }
        }
    }

    /** How many pages there are to be checked: with the header, and the events as the last one. */
    int pages() {
        return (int) (shape.eventsOffset() / RunHeader.PAGE_BYTES) + 1;
    }

    /**
     * Reads pages back, past the cache.
     *
     * @return which page is next
     * @throws DamagedRunException
     *             where one is not what was written
     */
    int check(UUID machine, int page) throws IOException {
        if (page == 0) {
            if (!open(files, machine, span()).equals(header)) {
                throw new DamagedRunException(span(), span().fileName() + ": its header is that of another run");
            }
            return 1;
        }
        int behindPages = pages() - 1;
        if (page == behindPages) {
            RunEvents.read(files, header);
            return pages();
        }
        int count = Math.min(READ_AHEAD_PAGES, behindPages - page);
        ByteBuffer bytes = RunHeader.allocate(count * RunHeader.PAGE_BYTES);
        fill(files, span(), (long) page * RunHeader.PAGE_BYTES, bytes);
        for (int i = 0; i < count; i++) {
            verify(bytes, i * RunHeader.PAGE_BYTES, page + i, page + i > shape.pages(0));
        }
        return page + count;
    }

    /** All of it, in order, past the cache. Of one thread. */
    Piece.Source all() {
        return new Pass();
    }

    private final class Pass implements Piece.Source {
        private ByteBuffer pages = RunHeader.allocate(0);
        private int nextLeaf;
        private int page = -1;
        private int inPage;
        private int count;

        @Override
        public @Nullable Piece next() throws IOException {
            while (inPage == count) {
                inPage = 0;
                page++;
                if (page * RunHeader.PAGE_BYTES >= pages.limit() && !readOn()) {
                    count = 0;
                    return null;
                }
                count = pages.getInt(page * RunHeader.PAGE_BYTES + RunHeader.COUNT_OFFSET);
            }
            return piece(pages, page * RunHeader.PAGE_BYTES + RunShape.PIECE_BYTES * inPage++);
        }

        private boolean readOn() throws IOException {
            int ahead = Math.min(READ_AHEAD_PAGES, shape.pages(0) - nextLeaf);
            if (ahead == 0) {
                return false;
            }
            pages = pages.capacity() == ahead * RunHeader.PAGE_BYTES ? pages.clear()
                    : RunHeader.allocate(ahead * RunHeader.PAGE_BYTES);
            fill(files, span(), (long) (shape.firstPage(0) + nextLeaf) * RunHeader.PAGE_BYTES, pages);
            for (int i = 0; i < ahead; i++) {
                verify(pages, i * RunHeader.PAGE_BYTES, shape.firstPage(0) + nextLeaf + i, false);
            }
            nextLeaf += ahead;
            page = 0;
            return true;
        }
    }
}

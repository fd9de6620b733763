package io.backhaul.mastertarget;

import io.backhaul.mastertarget.IndexUnit.Reach;
import io.backhaul.mastertarget.IndexUnit.Times;
import io.backhaul.protocol.Position;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The first page of a run.
 *
 * <pre>
 *   0         8       10      12       16        32           40          48       64     80
 *  +---------+-------+-------+--------+---------+------------+-----------+--------+------+---------------+
 *  | magic   |version| level | leaves | machine | first unit | last unit | before | last | first segment |
 *  +---------+-------+-------+--------+---------+------------+-----------+--------+------+---------------+
 *   88             96     100   104         112          120       128      136      140              4092
 *  +--------------+------+-----+-----------+------------+---------+--------+--------+------------+---+-----+
 *  | last segment | from | end | min. time | last time  | extents | pieces | events | events CRC | 0 | CRC |
 *  +--------------+------+-----+-----------+------------+---------+--------+--------+------------+---+-----+
 * </pre>
 */
record RunHeader(Span span, IndexUnit.Reach reach, IndexUnit.Times times, Content content) {
    static final int PAGE_BYTES = 4096;
    static final int COUNT_OFFSET = PAGE_BYTES - 8;
    static final int CRC_OFFSET = PAGE_BYTES - 4;
    private static final long MAGIC = 0x0a1a0a0d4e525842L;
    private static final short VERSION = 1;

    /**
     * Which units a run is about, both included.
     *
     * @param level
     *            how often runs were merged into it
     */
    record Span(int level, long first, long last) {
        /** The run's name. */
        String fileName() {
            return "%016x-%02x.run".formatted(first, level);
        }
    }

    /**
     * How much is in it.
     *
     * @param leaves
     *            pages of pieces
     * @param events
     *            of the unit; none but in level 0
     */
    record Content(int leaves, long extents, long pieces, int events, int eventsCrc) {}

    /** The unit that a run of level 0 is about. */
    IndexUnit unit() {
        return new IndexUnit(span.first(), reach, times, content.extents());
    }

    static ByteBuffer allocate(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static int crc(ByteBuffer bytes, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(offset, length));
        return (int) crc.getValue();
    }

    /** As a page. */
    ByteBuffer encode(UUID machine) {
        ByteBuffer page = allocate(PAGE_BYTES);
        page.putLong(MAGIC).putShort(VERSION).putShort((short) span.level()).putInt(content.leaves());
        page.putLong(machine.getMostSignificantBits()).putLong(machine.getLeastSignificantBits());
        page.putLong(span.first()).putLong(span.last());
        put(page, reach.before());
        put(page, reach.last());
        page.putLong(reach.firstSegment()).putLong(reach.lastSegment()).putInt(reach.from()).putInt(reach.end());
        page.putLong(times.minMicros()).putLong(times.lastMicros());
        page.putLong(content.extents()).putLong(content.pieces()).putInt(content.events()).putInt(content.eventsCrc());
        page.putInt(CRC_OFFSET, crc(page, 0, CRC_OFFSET));
        return page.clear();
    }

    /** Reads a page; null where it is not what {@link #encode} makes for this machine. */
    static @Nullable RunHeader decode(ByteBuffer page, UUID machine) {
        ByteBuffer at = page.duplicate().order(ByteOrder.LITTLE_ENDIAN).position(8);
        if (page.getInt(CRC_OFFSET) != crc(page, 0, CRC_OFFSET) || page.getLong(0) != MAGIC
                || at.getShort() != VERSION) {
            return null;
        }
        int level = at.getShort();
        int leaves = at.getInt();
        if (at.getLong() != machine.getMostSignificantBits() || at.getLong() != machine.getLeastSignificantBits()) {
            return null;
        }
        Span span = new Span(level, at.getLong(), at.getLong());
        Position before = position(at);
        Position last = position(at);
        Reach reach = new Reach(before, last, at.getLong(80), at.getInt(96), at.getLong(88), at.getInt(100));
        at.position(104);
        Times times = new Times(at.getLong(), at.getLong());
        long extents = at.getLong();
        long pieces = at.getLong();
        Content content = new Content(leaves, extents, pieces, at.getInt(), at.getInt());
        return leaves < 0 || content.events() < 0 ? null : new RunHeader(span, reach, times, content);
    }

    private static void put(ByteBuffer page, Position position) {
        page.putLong(position.generation()).putLong(position.sequence());
    }

    private static Position position(ByteBuffer page) {
        return new Position(page.getLong(), page.getLong());
    }
}

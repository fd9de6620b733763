package io.backhaul.engine.log;

import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.protocol.Position;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The block that begins every segment file. Little-endian, but for the machine's id, which stands in the byte order of RFC
 * 9562.
 *
 * <pre>
 *   0              8        10     11      12            16
 *  +--------------+--------+------+-------+-------------+
 *  | magic        |version | kind | flags | header len  |
 *  +--------------+--------+------+-------+-------------+ 16
 *  | machine (16 bytes)                                 |
 *  +-------------------------+--------------------------+ 32
 *  | segment number          | before: generation       |
 *  +-------------------------+--------------------------+ 48
 *  | before: sequence        | zeroes …            | CRC| 512
 *  +-------------------------+---------------------+----+
 *  | sync mark A, one sector                            | 1024
 *  | sync mark B, one sector                            | 1536
 *  | zeroes …                                           | 4096
 * </pre>
 *
 * The checksum (CRC-32C) covers bytes 0 to 507 and stands at 508 in every version of the format, so that a flipped bit is
 * never taken for another version. A <b>sync mark</b> says how far the segment was durable when the mark was written:
 *
 * <pre>
 *   0             8            16           24           32    36
 *  +-------------+------------+------------+------------+-----+
 *  | number      | end        | generation | sequence   | CRC |
 *  +-------------+------------+------------+------------+-----+
 * </pre>
 *
 * Marks are written after a sync, alternately to A and B, and become durable with the next one; of two valid marks the
 * farther one counts. Each lies in a sector of its own, so that a torn write spoils at most one.
 *
 * @param before
 *            the position in front of the segment's first frame
 * @param restart
 *            whether the log begins anew here: what older segments hold has been given up
 */
record SegmentHeader(LogKind kind, UUID machine, long number, Position before, boolean restart) {
    static final int LENGTH_BYTES = 4096;
    static final int MARK_BYTES = 36;

    /** Where the sync marks begin, and what stays as it was made ends. */
    static final int MARKS_OFFSET = 512;
    private static final byte[] MAGIC = {(byte) 0x89, 'B', 'K', 'L', '\r', '\n', 0x1a, '\n'};
    private static final int VERSION = 1;
    private static final int OLDEST_VERSION = 1;
    private static final int FLAG_RESTART = 1;

    private static final int VERSION_OFFSET = 8;
    private static final int KIND_OFFSET = 10;
    private static final int FLAGS_OFFSET = 11;
    private static final int HEADER_LENGTH_OFFSET = 12;
    private static final int MACHINE_OFFSET = 16;
    private static final int NUMBER_OFFSET = 32;
    private static final int GENERATION_OFFSET = 40;
    private static final int SEQUENCE_OFFSET = 48;
    private static final int CRC_OFFSET = 508;
    private static final int SECTOR_BYTES = 512;
    private static final int MARK_CRC_OFFSET = 32;

    /** How far a segment was durable at some time. */
    record SyncMark(int end, Position last) {}

    /** The whole block, without sync marks. */
    ByteBuffer encode() {
        ByteBuffer block = ByteBuffer.allocateDirect(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        block.put(0, MAGIC);
        block.putShort(VERSION_OFFSET, (short) VERSION);
        block.put(KIND_OFFSET, (byte) kind.code());
        block.put(FLAGS_OFFSET, (byte) (restart ? FLAG_RESTART : 0));
        block.putInt(HEADER_LENGTH_OFFSET, LENGTH_BYTES);
        ByteBuffer id = block.slice(MACHINE_OFFSET, 16).order(ByteOrder.BIG_ENDIAN);
        id.putLong(machine.getMostSignificantBits()).putLong(machine.getLeastSignificantBits());
        block.putLong(NUMBER_OFFSET, number);
        block.putLong(GENERATION_OFFSET, before.generation());
        block.putLong(SEQUENCE_OFFSET, before.sequence());
        block.putInt(CRC_OFFSET, crc(block, 0, CRC_OFFSET));
        return block;
    }

    /** Where the n-th sync mark is written. */
    static int markOffset(long turn) {
        return MARKS_OFFSET + (int) (turn & 1) * SECTOR_BYTES;
    }

    /** The bytes of a sync mark. */
    ByteBuffer encodeMark(SyncMark mark) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(MARK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(0, number).putLong(8, mark.end());
        bytes.putLong(16, mark.last().generation()).putLong(24, mark.last().sequence());
        bytes.putInt(MARK_CRC_OFFSET, crc(bytes, 0, MARK_CRC_OFFSET));
        return bytes;
    }

    /** Whether the block's fixed part matches its checksum: false after a torn creation, or a flipped bit. */
    static boolean isWhole(ByteBuffer block) {
        return block.limit() >= LENGTH_BYTES && block.order(ByteOrder.LITTLE_ENDIAN).slice(0, MAGIC.length)
                .equals(ByteBuffer.wrap(MAGIC)) && block.getInt(CRC_OFFSET) == crc(block, 0, CRC_OFFSET);
    }

    /**
     * Reads a header and checks that it is what is looked for.
     *
     * @param file
     *            names the file in messages
     * @throws StoreException
     *             where the block is corrupt, too old, too new, or another log's
     */
    static SegmentHeader read(String file, ByteBuffer block, LogKind kind, UUID machine) throws StoreException {
        if (!isWhole(block)) {
            throw new StoreException(Kind.CORRUPT,
                    file + ": the segment header is damaged; check the volume's hardware");
        }
        int version = Short.toUnsignedInt(block.getShort(VERSION_OFFSET));
        if (version < OLDEST_VERSION) {
            throw new StoreException(Kind.TOO_OLD, file + ": format " + version + " is not read any more (oldest: "
                    + OLDEST_VERSION + "); let the version that wrote it deliver it");
        }
        if (version > VERSION) {
            throw new StoreException(Kind.TOO_NEW, file + ": format " + version + " is newer than this program's "
                    + VERSION + "; update this program");
        }
        ByteBuffer id = block.slice(MACHINE_OFFSET, 16).order(ByteOrder.BIG_ENDIAN);
        UUID owner = new UUID(id.getLong(0), id.getLong(8));
        if (!owner.equals(machine) || block.get(KIND_OFFSET) != kind.code()) {
            throw new StoreException(Kind.FOREIGN, file + ": belongs to machine " + owner + " (log kind "
                    + block.get(KIND_OFFSET) + "), not to the " + kind + " of " + machine
                    + "; put it back where it was");
        }
        Position before = new Position(block.getLong(GENERATION_OFFSET), block.getLong(SEQUENCE_OFFSET));
        return new SegmentHeader(kind, machine, block.getLong(NUMBER_OFFSET), before,
                (block.get(FLAGS_OFFSET) & FLAG_RESTART) != 0);
    }

    /** The farthest valid sync mark in the block; null where there is none. */
    @Nullable
    SyncMark farthestMark(ByteBuffer block) {
        SyncMark a = mark(block, markOffset(0));
        SyncMark b = mark(block, markOffset(1));
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        return a.end() >= b.end() ? a : b;
    }

    /** What of the whole block is not what was written; empty where all is. */
    String defect(ByteBuffer block) {
        ByteBuffer written = encode();
        if (block.limit() < LENGTH_BYTES || !block.slice(0, MARKS_OFFSET).equals(written.slice(0, MARKS_OFFSET))) {
            return "the segment header is damaged";
        }
        for (int turn = 0; turn < 2; turn++) {
            int offset = markOffset(turn);
            if (mark(block, offset) == null && !isZero(block, offset, MARK_BYTES)) {
                return "a sync mark is damaged";
            }
            if (!isZero(block, offset + MARK_BYTES, SECTOR_BYTES - MARK_BYTES)) {
                return "what is zero behind a sync mark is damaged";
            }
        }
        int end = MARKS_OFFSET + 2 * SECTOR_BYTES;
        return isZero(block, end, LENGTH_BYTES - end) ? "" : "what is zero behind the header is damaged";
    }

    private static boolean isZero(ByteBuffer block, int offset, int lengthBytes) {
        return block.slice(offset, lengthBytes).mismatch(ByteBuffer.allocate(lengthBytes)) < 0;
    }

    private @Nullable SyncMark mark(ByteBuffer block, int offset) {
        boolean valid = block.getInt(offset + MARK_CRC_OFFSET) == crc(block, offset, MARK_CRC_OFFSET)
                && block.getLong(offset) == number && block.getLong(offset + 8) >= LENGTH_BYTES
                && block.getLong(offset + 8) <= Integer.MAX_VALUE;
        return valid ? new SyncMark((int) block.getLong(offset + 8),
                new Position(block.getLong(offset + 16), block.getLong(offset + 24))) : null;
    }

    private static int crc(ByteBuffer block, int offset, int lengthBytes) {
        CRC32C crc = new CRC32C();
        crc.update(block.slice(offset, lengthBytes));
        return (int) crc.getValue();
    }
}

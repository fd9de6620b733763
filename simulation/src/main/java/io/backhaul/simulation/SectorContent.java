package io.backhaul.simulation;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Sectors that can be recognised. An id says which state of the machine wrote the sector, and where; it expands to the
 * sector's bytes, so that any sector read anywhere can be traced to the one write it came from. Id 0 is a sector of
 * zeroes. Every fourth state writes bytes that compress, the others bytes that do not.
 */
final class SectorContent {
    static final int SECTOR_BYTES = 512;
    /** What bytes are that nobody ever wrote. */
    static final long UNKNOWN = -1;
    private static final int WORDS = SECTOR_BYTES / Long.BYTES;

    private SectorContent() {}

    /** The id of what a state writes to a sector of a disk. */
    static long id(int state, int disk, int sector) {
        return (long) state << 24 | (long) sector << 4 | disk;
    }

    static String describe(long id) {
        if (id == 0) {
            return "zeroes";
        }
        return id == UNKNOWN ? "unknown bytes"
                : "the bytes of write " + (id >>> 24) + " to disk " + (id & 15) + " sector "
                        + (id >>> 4 & 0xfffff);
    }

    private static long word(long id, int index) {
        if ((id >>> 24 & 3) == 0) {
            return id;
        }
        long mixed = (id + index) * 0x9e3779b97f4a7c15L;
        return mixed ^ mixed >>> 29;
    }

    /** Appends the sector's bytes. */
    static void expand(long id, ByteBuffer target) {
        ByteBuffer words = target.order(ByteOrder.LITTLE_ENDIAN);
        words.putLong(id);
        for (int index = 1; index < WORDS; index++) {
            words.putLong(id == 0 ? 0 : word(id, index));
        }
    }

    /** The id of the sector that begins at the offset, or {@link #UNKNOWN}. */
    static long recognise(ByteBuffer bytes, int offset) {
        ByteBuffer words = bytes.order(ByteOrder.LITTLE_ENDIAN);
        long id = words.getLong(offset);
        for (int index = 1; index < WORDS; index++) {
            if (words.getLong(offset + index * Long.BYTES) != (id == 0 ? 0 : word(id, index))) {
                return UNKNOWN;
            }
        }
        return id;
    }
}

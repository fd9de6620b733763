package io.backhaul.source;

import io.backhaul.blockio.volume.MappedRegion;
import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.source.StateFileException.Defect;
import java.io.IOException;
import java.util.UUID;

/**
 * One disk's part of the dirty map: a file with a header and, from byte 4096 on, one bitmap after another, each rounded up
 * to 4096 bytes. Bit {@code b} of bitmap {@code m} stands for block {@code b}; bits are numbered from the lowest of each
 * little-endian 64-bit word. The file is mapped, so that what is set survives the process at once. Behind all bitmaps they
 * stand a second time, since a mark that rots away would be a change that is never sent: what is set in one of the two counts,
 * and opening makes both alike.
 *
 * <p>
 * Not synchronised: {@link DirtyMap} says who may call.
 */
final class DiskMap implements AutoCloseable {
    private static final int PAGE_BYTES = 4096;
    private static final int COPIES = 2;

    private final StoredFile file;
    private final MappedRegion bits;
    private final long strideBytes;
    private final int granularityBytes;
    private final long sizeBytes;
    private final long blocks;
    private final long copyBytes;

    private DiskMap(StoredFile file, MappedRegion bits, DiskInfo disk, int granularityBytes) {
        this.file = file;
        this.bits = bits;
        this.granularityBytes = granularityBytes;
        this.sizeBytes = disk.sizeBytes();
        this.blocks = blocks(disk, granularityBytes);
        this.strideBytes = strideBytes(blocks);
        this.copyBytes = bits.lengthBytes() / COPIES;
    }

    private static long blocks(DiskInfo disk, int granularityBytes) {
        return (disk.sizeBytes() + granularityBytes - 1) / granularityBytes;
    }

    private static long strideBytes(long blocks) {
        return ((blocks + 63) / 64 * Long.BYTES + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }

    static String name(int disk) {
        return "dirty-" + disk + ".bkd";
    }

    private static StateFileHeader header(UUID machine, DiskInfo disk, int granularityBytes) {
        return new StateFileHeader(StateFileHeader.Kind.DIRTY_MAP, machine, disk.sizeBytes(), disk.index(),
                granularityBytes);
    }

    /**
     * Opens the map that is there.
     *
     * @throws StateFileException
     *             where it is not this disk's, or damaged
     */
    static DiskMap open(Volume volume, UUID machine, DiskInfo disk, int granularityBytes, int bitmaps)
            throws IOException {
        String name = name(disk.index());
        if (!volume.exists(name)) {
            throw new StateFileException(Defect.CORRUPT, volume.describe() + "/" + name + " is missing");
        }
        StoredFile file = volume.open(name);
        try {
            header(machine, disk, granularityBytes).verify(file, volume.describe() + "/" + name);
            long bitsBytes = (long) COPIES * bitmaps * strideBytes(blocks(disk, granularityBytes));
            if (file.length() < PAGE_BYTES + bitsBytes) {
                throw new StateFileException(Defect.CORRUPT, volume.describe() + "/" + name + " is too short");
            }
            return new DiskMap(file, file.map(PAGE_BYTES, bitsBytes), disk, granularityBytes);
        } catch (IOException | RuntimeException wrong) {
            file.close();
            throw wrong;
        }
    }

    /** Makes an empty map, in the place of whatever is there. */
    static DiskMap create(Volume volume, UUID machine, DiskInfo disk, int granularityBytes, int bitmaps)
            throws IOException {
        String name = name(disk.index());
        if (volume.exists(name)) {
            volume.delete(name);
        }
        StoredFile file = volume.create(name);
        try {
            long bitsBytes = (long) COPIES * bitmaps * strideBytes(blocks(disk, granularityBytes));
            file.preallocate(PAGE_BYTES + bitsBytes);
            file.truncate(PAGE_BYTES + bitsBytes);
            header(machine, disk, granularityBytes).write(file);
            file.sync();
            return new DiskMap(file, file.map(PAGE_BYTES, bitsBytes), disk, granularityBytes);
        } catch (IOException | RuntimeException failed) {
            file.close();
            throw failed;
        }
    }

    long blocks() {
        return blocks;
    }

    long sizeBytes() {
        return sizeBytes;
    }

    int granularityBytes() {
        return granularityBytes;
    }

    /** Sets all bits that a range of bytes touches; says how many were not set before. */
    long set(int bitmap, long offset, long lengthBytes) {
        return change(bitmap, offset, lengthBytes, true);
    }

    /** Clears all bits that a range of bytes touches; says how many were set before. */
    long clear(int bitmap, long offset, long lengthBytes) {
        return change(bitmap, offset, lengthBytes, false);
    }

    private long change(int bitmap, long offset, long lengthBytes, boolean set) {
        if (lengthBytes <= 0 || offset < 0 || offset + lengthBytes > sizeBytes) {
            throw new IllegalArgumentException(lengthBytes + " bytes at " + offset + " of a disk of " + sizeBytes);
        }
        long first = offset / granularityBytes;
        long last = (offset + lengthBytes - 1) / granularityBytes;
        long changed = 0;
        for (long word = first / 64; word <= last / 64; word++) {
            long mask = -1L;
            if (word == first / 64) {
                mask &= -1L << (first % 64);
            }
            if (word == last / 64) {
                mask &= -1L >>> (63 - last % 64);
            }
            long at = bitmap * strideBytes + word * Long.BYTES;
            long before = bits.getLong(at);
            long after = set ? before | mask : before & ~mask;
            if (after != before) {
                put(at, after);
                changed += Long.bitCount(after ^ before);
            }
        }
        return changed;
    }

    private void put(long at, long value) {
        bits.putLong(at, value);
        bits.putLong(copyBytes + at, value);
    }

    /**
     * Sets in both copies what is set in one of them, but for bits that stand for no block.
     *
     * @return how many words were not alike, or not possible: because a bit has flipped, or because the process ended while
     *         it changed them
     */
    long uniteCopies() {
        long differing = 0;
        for (long at = 0; at < copyBytes; at += Long.BYTES) {
            long one = bits.getLong(at);
            long other = bits.getLong(copyBytes + at);
            long united = (one | other) & possible(at % strideBytes / Long.BYTES);
            if (one != united || other != united) {
                put(at, united);
                differing++;
            }
        }
        return differing;
    }

    /** The bits of a bitmap's word that stand for a block. */
    private long possible(long word) {
        long left = blocks - word * Long.SIZE;
        return left <= 0 ? 0 : left >= Long.SIZE ? -1L : -1L >>> (Long.SIZE - left);
    }

    boolean isSet(int bitmap, long block) {
        return (bits.getLong(bitmap * strideBytes + block / 64 * Long.BYTES) >>> (block % 64) & 1) != 0;
    }

    /** The first block from {@code from} on whose bit is set, or -1. */
    long next(int bitmap, long from) {
        long words = (blocks + 63) / 64;
        for (long word = from / 64; word < words; word++) {
            long value = bits.getLong(bitmap * strideBytes + word * Long.BYTES);
            if (word == from / 64) {
                value &= -1L << (from % 64);
            }
            if (value != 0) {
                return word * 64 + Long.numberOfTrailingZeros(value);
            }
        }
        return -1;
    }

    long count(int bitmap) {
        long count = 0;
        for (long at = bitmap * strideBytes; at < (bitmap + 1) * strideBytes; at += Long.BYTES) {
            count += Long.bitCount(bits.getLong(at));
        }
        return count;
    }

    /** Sets in one bitmap what is set in another. */
    void merge(int from, int into) {
        for (long at = 0; at < strideBytes; at += Long.BYTES) {
            long value = bits.getLong(from * strideBytes + at);
            if (value != 0) {
                long target = into * strideBytes + at;
                put(target, bits.getLong(target) | value);
            }
        }
    }

    void clearAll(int bitmap) {
        for (long at = bitmap * strideBytes; at < (bitmap + 1) * strideBytes; at += Long.BYTES) {
            if (bits.getLong(at) != 0) {
                put(at, 0);
            }
        }
    }

    /** Makes the map survive the machine too. */
    void force() throws IOException {
        bits.force();
    }

    @Override
    public void close() throws IOException {
        bits.close();
        file.close();
    }
}

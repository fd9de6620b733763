package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * The checksums of a base disk, one for each sector: a file of the retention volume, as what is promoted must be nothing but the
 * disk.
 *
 * <pre>
 *   0       8         10    12             16        32        48     52  56     508   4096
 *  +-------+---------+-----+--------------+---------+---------+------+---+------+-----+--------+
 *  | magic | version |whole| sector bytes | machine | replica | disk | 0 | size | CRC | values |
 *  +-------+---------+-----+--------------+---------+---------+------+---+------+-----+--------+
 * </pre>
 *
 * A value is the CRC-32C of a sector, xor that of a sector of zeroes: so it is 0 where the disk is, and what the file does not
 * reach is known too. Nobody writes less than a sector at once, so a value never says anything of bytes that were left alone.
 * <p>
 * As long as the file is not <i>whole</i>, which is how it begins for a disk that holds something already, a value of 0 also stands
 * for one that is not known yet.
 * <p>
 * Safe for any thread; whoever writes a sector writes its value, after it.
 */
final class SectorSums implements AutoCloseable {
    static final int SECTOR_BYTES = 512;
    private static final long MAGIC = 0x0a1a0a0d53424b89L;
    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 4096;
    private static final int CHECKED_BYTES = 512;
    private static final int CRC_OFFSET = 508;
    private static final int VALUE_BYTES = Integer.BYTES;
    private static final int STEP_SECTORS = 16 << 10;
    /** More values than these are read from the file: for 128 KiB of a disk. */
    private static final int CACHED_BYTES = 1024;
    private static final int OF_ZEROES = crc(new CRC32C(), ByteBuffer.allocate(SECTOR_BYTES));

    private final Owner owner;
    private final StoredFile file;
    private final SumsCache cache = new SumsCache();
    private volatile boolean whole;

    /** Whose checksums they are. */
    record Owner(UUID machine, UUID replica, int disk, long sizeBytes) {}

    private SectorSums(Owner owner, StoredFile file, boolean whole) {
        this.owner = owner;
        this.file = file;
        this.whole = whole;
    }

    /**
     * Makes a file that knows nothing, or that all is zero, durably, with all the room that it will ever take; one of that
     * name is replaced.
     */
    static SectorSums create(Volume volume, String name, Owner owner, boolean allZero) throws IOException {
        String fresh = name + ".new";
        if (volume.exists(fresh)) {
            volume.delete(fresh);
        }
        try (StoredFile made = volume.create(fresh)) {
            made.write(0, header(owner, allZero));
            // Where the volume is full the base disks must be able to move, so that it gets room again.
            made.preallocate(place(ceiling(owner.sizeBytes)));
            made.sync();
        }
        volume.rename(fresh, name);
        volume.syncFolder("");
        return new SectorSums(owner, volume.open(name), allZero);
    }

    /**
     * Opens a file.
     *
     * @throws StoreException
     *             of kind CORRUPT where it is damaged or another's
     */
    static SectorSums open(Volume volume, String name, Owner owner) throws IOException {
        StoredFile file = volume.open(name);
        try {
            ByteBuffer found = ByteBuffer.allocate(CHECKED_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            file.fill(0, found);
            found.clear();
            String place = volume.describe() + "/" + name;
            if (found.getInt(CRC_OFFSET) != crc(new CRC32C(), found.slice(0, CRC_OFFSET))
                    || found.getLong(0) != MAGIC) {
                throw new StoreException(Kind.CORRUPT, place + ": its header is not what was written");
            }
            if (found.getShort(8) > VERSION) {
                throw new StoreException(Kind.TOO_NEW,
                        place + " has version " + found.getShort(8) + ", this program reads " + VERSION);
            }
            boolean isWhole = found.getShort(10) == 1;
            if (!header(owner, isWhole).limit(CHECKED_BYTES).equals(found)) {
                throw new StoreException(Kind.CORRUPT, place + " belongs to another disk");
            }
            return new SectorSums(owner, file, isWhole);
        } catch (IOException failed) {
            file.close();
            throw failed;
        }
    }

    private static ByteBuffer header(Owner owner, boolean isWhole) {
        ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(MAGIC).putShort((short) VERSION).putShort((short) (isWhole ? 1 : 0)).putInt(SECTOR_BYTES);
        header.putLong(owner.machine.getMostSignificantBits()).putLong(owner.machine.getLeastSignificantBits());
        header.putLong(owner.replica.getMostSignificantBits()).putLong(owner.replica.getLeastSignificantBits());
        header.putInt(owner.disk).putInt(0).putLong(owner.sizeBytes);
        header.putInt(CRC_OFFSET, crc(new CRC32C(), header.slice(0, CRC_OFFSET)));
        return header.clear();
    }

    private static int crc(CRC32C crc, ByteBuffer bytes) {
        crc.reset();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    /** The values of whole sectors. */
    static ByteBuffer of(ByteBuffer content) {
        int sectors = content.remaining() / SECTOR_BYTES;
        ByteBuffer values = ByteBuffer.allocate(sectors * VALUE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer sector = content.duplicate();
        CRC32C crc = new CRC32C();
        for (int i = 0, at = content.position(); i < sectors; i++, at += SECTOR_BYTES) {
            values.putInt(crc(crc, sector.limit(at + SECTOR_BYTES).position(at)) ^ OF_ZEROES);
        }
        return values.flip();
    }

    /** Makes a value one that the sector does not have, nor any that holds only zeroes. */
    static void spoil(ByteBuffer values, int sector) {
        int value = values.getInt(sector * VALUE_BYTES);
        values.putInt(sector * VALUE_BYTES, value == 1 ? 2 : value ^ 1);
    }

    boolean isWhole() {
        return whole;
    }

    private static long ceiling(long offset) {
        return (offset + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    }

    private static long place(long offset) {
        return HEADER_BYTES + offset / SECTOR_BYTES * VALUE_BYTES;
    }

    /** Remembers values, of the sectors from an offset on. */
    void put(long offset, ByteBuffer values) throws IOException {
        write(place(offset), values);
    }

    private void write(long place, ByteBuffer values) throws IOException {
        int length = values.remaining();
        ByteBuffer written = null;
        cache.begin(place, length);
        try {
            file.write(place, values.duplicate());
            written = values.slice();
        } finally {
            cache.end(place, length, written);
        }
    }

    /** Remembers that whole sectors are zero. */
    void zero(long offset, long lengthBytes) throws IOException {
        long place = place(offset);
        long length = lengthBytes / SECTOR_BYTES * VALUE_BYTES;
        cache.begin(place, length);
        try {
            file.zero(place, length);
        } finally {
            cache.end(place, length, null);
        }
    }

    /** The values of a few sectors come from memory, those of many from the file. */
    private ByteBuffer values(long offset, int sectors) throws IOException {
        long place = place(offset);
        int length = sectors * VALUE_BYTES;
        long page = place / SumsCache.PAGE_BYTES;
        if (length <= CACHED_BYTES && (place + length - 1) / SumsCache.PAGE_BYTES == page) {
            return cache.page(page, number -> read(number * SumsCache.PAGE_BYTES, SumsCache.PAGE_BYTES))
                    .slice((int) (place % SumsCache.PAGE_BYTES), length).order(ByteOrder.LITTLE_ENDIAN);
        }
        return read(place, length);
    }

    private ByteBuffer read(long place, int length) throws IOException {
        ByteBuffer values = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        file.fill(place, values);
        return values.clear();
    }

    /** Which of the whole sectors from an offset on are not what was written; neighbours together. */
    List<BaseStretch> wrong(long offset, ByteBuffer content) throws IOException {
        ByteBuffer found = of(content);
        ByteBuffer known = values(offset, found.remaining() / VALUE_BYTES);
        if (found.equals(known)) {
            return List.of();
        }
        List<BaseStretch> wrong = new ArrayList<>();
        long at = offset;
        while (known.hasRemaining()) {
            int value = known.getInt();
            if (found.getInt() != value && (whole || value != 0)) {
                BaseStretch sector = new BaseStretch(owner.disk, at, at + SECTOR_BYTES);
                boolean grows = !wrong.isEmpty() && wrong.getLast().to() == at;
                wrong.add(grows ? wrong.removeLast().with(sector) : sector);
            }
            at += SECTOR_BYTES;
        }
        return wrong;
    }

    /**
     * Learns what is not known yet from what the disk holds.
     *
     * @return whether anything was learnt
     */
    boolean learn(long offset, ByteBuffer content) throws IOException {
        ByteBuffer found = of(content);
        ByteBuffer known = values(offset, found.remaining() / VALUE_BYTES);
        boolean learnt = false;
        for (int at = 0; at < known.limit(); at += VALUE_BYTES) {
            if (known.getInt(at) == 0 && found.getInt(at) != 0) {
                write(place(offset) + at, found.slice(at, VALUE_BYTES));
                learnt = true;
            }
        }
        return learnt;
    }

    /** Where the first sector is, of those between two offsets, that is to be zero or not; the end where there is none. */
    long first(long from, long to, boolean zero) throws IOException {
        for (long at = from; at < to; at += (long) STEP_SECTORS * SECTOR_BYTES) {
            int sectors = (int) Math.min(STEP_SECTORS, (to - at) / SECTOR_BYTES);
            if (!zero && place(at) >= file.length()) {
                return to;
            }
            ByteBuffer values = values(at, sectors);
            for (int i = 0; i < sectors; i++) {
                if ((values.getInt() == 0) == zero) {
                    return at + (long) i * SECTOR_BYTES;
                }
            }
        }
        return to;
    }

    /** Makes durable what has been remembered. */
    void sync() throws IOException {
        file.sync();
    }

    /** All has been learnt: from now on a value of 0 stands for zeroes and nothing else. Durable. */
    void complete() throws IOException {
        file.sync();
        file.write(0, header(owner, true));
        file.sync();
        whole = true;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}

package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.SegmentLog.Placement;
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
 * The file {@code machine.damaged}: where journal and base disks are known to be damaged, so that a start looks there again before
 * it offers points. There is none as long as nothing is damaged. Replaced as a whole. Owned by the store lane.
 *
 * <pre>
 *   0       8             12      16        32   36             | each place in the journal, 16 bytes:
 *  +-------+-------------+-------+---------+----+---------------+   0 segment | 8 offset | 12 length
 *  | magic | version, 0  | count | machine |CRC | places ...    | behind them each of a base disk, 20 bytes:
 *  +-------+-------------+-------+---------+----+---------------+   0 from | 8 to | 16 disk
 * </pre>
 *
 * The count is that of the places in the journal. The checksum (CRC-32C) is that of bytes 0 to 31 and of all places.
 */
final class DamageFile {
    static final String NAME = "machine.damaged";
    private static final String NEW_NAME = "machine.damaged.new";
    private static final long MAGIC = 0x0a1a0a0d4d444b42L;
    private static final int VERSION = 1;
    private static final int CRC_OFFSET = 32;
    private static final int HEADER_BYTES = 36;
    private static final int PLACE_BYTES = 16;
    private static final int STRETCH_BYTES = 20;

    private final Volume volume;
    private final UUID machine;

    /** What is damaged. */
    record Known(List<Placement> journal, List<BaseStretch> base) {
        static final Known NOTHING = new Known(List.of(), List.of());

        Known {
            journal = List.copyOf(journal);
            base = List.copyOf(base);
        }
    }

    DamageFile(Volume volume, UUID machine) {
        this.volume = volume;
        this.machine = machine;
    }

    /** Makes it durable; where nothing is damaged, that there is none. */
    void save(Known known) throws IOException {
        boolean isNothing = known.equals(Known.NOTHING);
        for (String old : isNothing ? List.of(NEW_NAME, NAME) : List.of(NEW_NAME)) {
            if (volume.exists(old)) {
                volume.delete(old);
            }
        }
        if (!isNothing) {
            try (StoredFile file = volume.create(NEW_NAME)) {
                file.write(0, encode(known));
                file.sync();
            }
            volume.rename(NEW_NAME, NAME);
        }
        volume.syncFolder("");
    }

    private ByteBuffer encode(Known known) {
        ByteBuffer bytes = ByteBuffer
                .allocate(HEADER_BYTES + known.journal.size() * PLACE_BYTES + known.base.size() * STRETCH_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(MAGIC).putInt(VERSION).putInt(known.journal.size());
        bytes.putLong(machine.getMostSignificantBits()).putLong(machine.getLeastSignificantBits());
        bytes.position(HEADER_BYTES);
        for (Placement at : known.journal) {
            bytes.putLong(at.segment()).putInt(at.offset()).putInt(at.lengthBytes());
        }
        for (BaseStretch each : known.base) {
            bytes.putLong(each.from()).putLong(each.to()).putInt(each.disk());
        }
        return bytes.putInt(CRC_OFFSET, crc(bytes)).clear();
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(0, CRC_OFFSET));
        crc.update(bytes.slice(HEADER_BYTES, bytes.limit() - HEADER_BYTES));
        return (int) crc.getValue();
    }

    /**
     * What was saved last; empty where nothing is known to be damaged.
     *
     * @throws StoreException
     *             of kind CORRUPT where the file itself is damaged
     */
    Known load() throws IOException {
        if (!volume.exists(NAME)) {
            return Known.NOTHING;
        }
        ByteBuffer bytes;
        try (StoredFile file = volume.open(NAME)) {
            bytes = ByteBuffer.allocate(Math.toIntExact(file.length())).order(ByteOrder.LITTLE_ENDIAN);
            file.fill(0, bytes);
        }
        bytes.flip();
        boolean isWhole = bytes.limit() >= HEADER_BYTES && bytes.getInt(CRC_OFFSET) == crc(bytes)
                && bytes.getLong(0) == MAGIC && bytes.getLong(16) == machine.getMostSignificantBits()
                && bytes.getLong(24) == machine.getLeastSignificantBits();
        if (!isWhole) {
            throw new StoreException(Kind.CORRUPT, describe() + " is damaged; what it named is found when it is read");
        }
        if (bytes.getInt(8) != VERSION) {
            throw new StoreException(Kind.TOO_NEW, describe() + " has version " + bytes.getInt(8)
                    + ", this program reads " + VERSION);
        }
        bytes.position(HEADER_BYTES);
        List<Placement> journal = new ArrayList<>();
        for (int i = bytes.getInt(12); i > 0; i--) {
            journal.add(new Placement(bytes.getLong(), bytes.getInt(), bytes.getInt()));
        }
        List<BaseStretch> base = new ArrayList<>();
        while (bytes.hasRemaining()) {
            long from = bytes.getLong();
            base.add(new BaseStretch(bytes.getInt(bytes.position() + Long.BYTES), from, bytes.getLong()));
            bytes.getInt();
        }
        return new Known(journal, base);
    }

    private String describe() {
        return volume.describe() + "/" + NAME;
    }
}

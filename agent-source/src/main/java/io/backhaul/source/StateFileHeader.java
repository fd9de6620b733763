package io.backhaul.source;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.source.StateFileException.Defect;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * What every file of the state folder begins with. Little-endian, but for the owner's id.
 *
 * <pre>
 *   0        4      6         8                        24
 *  +--------+------+---------+------------------------+
 *  | magic  | kind | version | owner: machine (16)    |
 *  +--------+------+---------+------------------------+
 *  24            32          36            40          60       64
 *  +-------------+-----------+-------------+-----------+--------+
 *  | size, bytes | disk      | granularity | 0         | CRC32C |
 *  +-------------+-----------+-------------+-----------+--------+
 * </pre>
 *
 * @param sizeBytes
 *            the disk's size; 0 in the state
 * @param disk
 *            the disk's index; 0 in the state
 * @param granularityBytes
 *            what one bit of a dirty map stands for; 0 in the state
 */
record StateFileHeader(Kind kind, UUID owner, long sizeBytes, int disk, int granularityBytes) {
    /** Bytes of a header. */
    static final int LENGTH_BYTES = 64;
    /** "BKHS" as a little-endian number. */
    static final int MAGIC = 0x53484b42;
    static final int VERSION = 2;
    private static final int CRC_OFFSET = 60;

    /** Which file it is. */
    enum Kind {
        STATE(1), DIRTY_MAP(2), VERIFICATION(3);

        private final int code;

        Kind(int code) {
            this.code = code;
        }
    }

    void write(StoredFile file) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(MAGIC).putShort((short) kind.code).putShort((short) VERSION);
        bytes.order(ByteOrder.BIG_ENDIAN).putLong(owner.getMostSignificantBits())
                .putLong(owner.getLeastSignificantBits());
        bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(sizeBytes).putInt(disk).putInt(granularityBytes);
        bytes.putInt(CRC_OFFSET, crc(bytes.array(), 0, CRC_OFFSET));
        file.write(0, bytes.clear());
    }

    /**
     * Checks that {@code file} begins with this very header.
     *
     * @throws StateFileException
     *             where it begins with anything else
     */
    void verify(StoredFile file, String name) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        int offset = 0;
        while (bytes.hasRemaining()) {
            int read = file.read(offset, bytes);
            if (read <= 0) {
                throw new StateFileException(Defect.CORRUPT, name + " ends within its header");
            }
            offset += read;
        }
        if (bytes.getInt(0) != MAGIC || bytes.getInt(CRC_OFFSET) != crc(bytes.array(), 0, CRC_OFFSET)) {
            throw new StateFileException(Defect.CORRUPT, name + " does not begin with a valid header");
        }
        int version = bytes.getShort(6);
        if (version != VERSION) {
            throw new StateFileException(version > VERSION ? Defect.TOO_NEW : Defect.TOO_OLD,
                    name + " has format version "
                            + version + ", this program knows version " + VERSION + ": use the program that wrote it");
        }
        bytes.order(ByteOrder.BIG_ENDIAN);
        UUID written = new UUID(bytes.getLong(8), bytes.getLong(16));
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        if (!written.equals(owner)) {
            throw new StateFileException(Defect.FOREIGN, name + " belongs to machine " + written + ", not to " + owner
                    + ": give each machine a state folder of its own");
        }
        if (bytes.getShort(4) != kind.code || bytes.getLong(24) != sizeBytes || bytes.getInt(32) != disk
                || bytes.getInt(36) != granularityBytes) {
            throw new StateFileException(Defect.CORRUPT, name + " describes another disk or another granularity");
        }
    }

    static int crc(byte[] bytes, int offset, int lengthBytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, lengthBytes);
        return (int) crc.getValue();
    }
}

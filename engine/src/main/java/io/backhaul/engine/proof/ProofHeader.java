package io.backhaul.engine.proof;

import io.backhaul.protocol.ContentDigest;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * What a proof file begins with. Little-endian, but for the machine's id.
 *
 * <pre>
 *    0         8         10     12       16               32                  48
 *   +---------+---------+------+--------+----------------+-------------------+------+
 *   | magic   | version | kind | length | machine (16)   | generation, seq.  | time |
 *   +---------+---------+------+--------+----------------+-------------------+------+
 *   56            60      64             66                          508      512
 *   +-------------+-------+--------------+---------------------------+--------+-----+
 *   | chunk bytes | disks | label length | label (255), zeroes       | CRC32C | 0   |
 *   +-------------+-------+--------------+---------------------------+--------+-----+
 *   1024: 512 bytes for each disk
 *   +-------+-----------+------------+-------+----------+--------------+-----------+
 *   | index | id length | sector (4) | 0 (4) | size (8) | unproved (8) | root (32) |
 *   +-------+-----------+------------+-------+----------+--------------+-----------+
 *   | id (255), zeroes                                                             |
 *   +------------------------------------------------------------------------------+
 *   length - 32: the root of all, which is the SHA-256 of everything before it
 * </pre>
 *
 * @param position
 *            of the mark
 * @param timeMicros
 *            of the mark
 */
public record ProofHeader(UUID machine, Position position, String label, long timeMicros, List<ProofDisk> disks) {
    static final long MAGIC = 0x0a1a0a0d504b4289L;
    static final int VERSION = 1;
    private static final int KIND = 1;
    private static final int CRC_AT = 508;
    private static final int DISKS_AT = 1024;
    private static final int DISK_BYTES = 512;
    private static final int ROOT_BYTES = ProofTree.NODE_BYTES;
    private static final int LABEL_AT = 66;
    private static final int ID_AT = 64;

    public ProofHeader {
        disks = List.copyOf(disks);
    }

    /** How long it is for so many disks. */
    static int lengthBytes(int disks) {
        int bytes = DISKS_AT + disks * DISK_BYTES + ROOT_BYTES;
        return (bytes + ProofTree.PAGE_BYTES - 1) / ProofTree.PAGE_BYTES * ProofTree.PAGE_BYTES;
    }

    /** Where the digests of each disk lie. */
    static List<ProofTree> trees(List<DiskInfo> disks) {
        List<ProofTree> trees = new ArrayList<>();
        long at = lengthBytes(disks.size());
        for (DiskInfo disk : disks) {
            ProofTree tree = ProofTree.at(at, disk.sizeBytes());
            trees.add(tree);
            at = tree.end();
        }
        return trees;
    }

    List<DiskInfo> infos() {
        return disks.stream().map(ProofDisk::info).toList();
    }

    public long provedBytes() {
        return disks.stream().mapToLong(ProofDisk::provedBytes).sum();
    }

    public long unprovedBytes() {
        return disks.stream().mapToLong(ProofDisk::unprovedBytes).sum();
    }

    /** The root of all, in hexadecimal digits: whoever has it from the source by another way knows that nobody made the file up. */
    public String root() {
        ByteBuffer bytes = encode();
        byte[] root = new byte[ROOT_BYTES];
        bytes.get(bytes.limit() - ROOT_BYTES, root);
        return HexFormat.of().formatHex(root);
    }

    ByteBuffer encode() {
        int length = lengthBytes(disks.size());
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        byte[] name = label.getBytes(StandardCharsets.UTF_8);
        bytes.putLong(MAGIC).putShort((short) VERSION).putShort((short) KIND).putInt(length);
        bytes.order(ByteOrder.BIG_ENDIAN).putLong(machine.getMostSignificantBits())
                .putLong(machine.getLeastSignificantBits());
        bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(position.generation()).putLong(position.sequence())
                .putLong(timeMicros).putInt(ProofTree.CHUNK_BYTES).putInt(disks.size()).putShort((short) name.length)
                .put(name);
        bytes.putInt(CRC_AT, crc(bytes));
        for (int i = 0; i < disks.size(); i++) {
            put(disks.get(i), bytes.position(DISKS_AT + i * DISK_BYTES));
        }
        return bytes.put(length - ROOT_BYTES, rootOf(bytes, length)).clear();
    }

    private static void put(ProofDisk disk, ByteBuffer bytes) {
        byte[] id = disk.info().stableId().getBytes(StandardCharsets.UTF_8);
        bytes.putInt(disk.info().index()).putInt(id.length).putInt(disk.info().sectorSizeBytes()).putInt(0)
                .putLong(disk.info().sizeBytes()).putLong(disk.unprovedBytes())
                .put(HexFormat.of().parseHex(disk.root())).put(id);
    }

    private static byte[] rootOf(ByteBuffer bytes, int length) {
        MessageDigest sha256 = ContentDigest.sha256();
        sha256.update(bytes.slice(0, length - ROOT_BYTES));
        return sha256.digest();
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(0, CRC_AT));
        return (int) crc.getValue();
    }

    /** The first page tells how long it is; nothing else of it is believed yet. */
    static int lengthOf(ByteBuffer firstPage, String file) throws ProofException {
        ByteBuffer bytes = firstPage.order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.limit() < ProofTree.PAGE_BYTES || bytes.getLong(0) != MAGIC) {
            throw ProofException.corrupt(file, "it does not begin as a proof file does");
        }
        if (bytes.getInt(CRC_AT) != crc(bytes)) {
            throw ProofException.corrupt(file, "its first block is damaged");
        }
        int version = Short.toUnsignedInt(bytes.getShort(8));
        if (version != VERSION) {
            throw new ProofException(version > VERSION ? ProofException.Defect.TOO_NEW : ProofException.Defect.TOO_OLD,
                    file + " has format version " + version + ", this program knows version " + VERSION
                            + ": use the program that wrote it");
        }
        int disks = bytes.getInt(60);
        if (bytes.getShort(10) != KIND || disks < 1 || disks > Limits.MAX_DISKS
                || bytes.getInt(56) != ProofTree.CHUNK_BYTES
                || bytes.getInt(12) != lengthBytes(disks)) {
            throw ProofException.corrupt(file, "its first block makes no sense");
        }
        return bytes.getInt(12);
    }

    /** The whole header. */
    static ProofHeader decode(ByteBuffer whole, String file) throws ProofException {
        ByteBuffer bytes = whole.order(ByteOrder.LITTLE_ENDIAN);
        int length = bytes.limit();
        byte[] root = new byte[ROOT_BYTES];
        bytes.get(length - ROOT_BYTES, root);
        if (!MessageDigest.isEqual(root, rootOf(bytes, length))) {
            throw ProofException.corrupt(file, "its header is damaged");
        }
        try {
            bytes.order(ByteOrder.BIG_ENDIAN);
            UUID machine = new UUID(bytes.getLong(16), bytes.getLong(24));
            bytes.order(ByteOrder.LITTLE_ENDIAN);
            Position position = new Position(bytes.getLong(32), bytes.getLong(40));
            List<ProofDisk> disks = new ArrayList<>();
            for (int i = 0; i < bytes.getInt(60); i++) {
                disks.add(disk(bytes, DISKS_AT + i * DISK_BYTES));
            }
            return new ProofHeader(machine, position, text(bytes, LABEL_AT, bytes.getShort(64)), bytes.getLong(48),
                    disks);
        } catch (IllegalArgumentException senseless) {
            throw ProofException.corrupt(file, "its header makes no sense (" + senseless.getMessage() + ")");
        }
    }

    private static ProofDisk disk(ByteBuffer bytes, int at) {
        DiskInfo info = new DiskInfo(bytes.getInt(at), text(bytes, at + ID_AT, bytes.getInt(at + 4)),
                bytes.getLong(at + 16), bytes.getInt(at + 8));
        byte[] root = new byte[ROOT_BYTES];
        bytes.get(at + 32, root);
        return new ProofDisk(info, bytes.getLong(at + 24), HexFormat.of().formatHex(root));
    }

    private static String text(ByteBuffer bytes, int at, int length) {
        if (length < 0 || length > Limits.MAX_TEXT_BYTES) {
            throw new IllegalArgumentException("a text of " + length + " bytes");
        }
        byte[] text = new byte[length];
        bytes.get(at, text);
        return new String(text, StandardCharsets.UTF_8);
    }
}

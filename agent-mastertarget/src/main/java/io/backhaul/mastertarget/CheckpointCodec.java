package io.backhaul.mastertarget;

import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.mastertarget.Checkpoint.Base;
import io.backhaul.mastertarget.Checkpoint.Promotion;
import io.backhaul.mastertarget.Checkpoint.Stage;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.ToIntFunction;
import java.util.zip.CRC32C;

/**
 * The bytes of a {@link Checkpoint}, one copy of it. Little-endian, but for the id.
 *
 * <pre>
 *   0        4     6     8                          24        28        32         40
 *  +--------+-----+-----+--------------------------+---------+---------+----------+
 *  | magic  | ver | kind| machine                  | slot len| body len| counter  |
 *  +--------+-----+-----+--------------------------+---------+---------+----------+
 *  | CRC    | 0      | body ...
 *  +--------+--------+ 48
 * </pre>
 *
 * The checksum is CRC-32C over bytes 0 to 39 and the body.
 */
final class CheckpointCodec {
    static final int HEADER_BYTES = 48;
    /** "BKHF", which all files of a master target begin with that are no journals. */
    private static final int MAGIC = 0x46484b42;
    private static final short VERSION = 3;
    private static final short KIND_MACHINE = 1;
    private static final int SLOT_OFFSET = 24;
    private static final int BODY_LENGTH_OFFSET = 28;
    private static final int CRC_OFFSET = 40;
    private static final int FLAG_DIRECT = 1;
    private static final int FLAG_FOLLOWING = 2;
    private static final int MAX_PATH_BYTES = 4096;
    private static final int DISK_BYTES = 2 + 4 + 8 + 2 + Limits.MAX_TEXT_BYTES + 1 + 2 + MAX_PATH_BYTES + Long.BYTES;
    private static final int FIXED_BYTES = 4 + 16 + 16 + 8 + 16 + 16 + 16 + 2 + Limits.MAX_TEXT_BYTES + 2;

    private CheckpointCodec() {}

    /** One copy, as read. */
    record Copy(Checkpoint checkpoint, long counter, int slotBytes) {}

    static ByteBuffer encode(Checkpoint checkpoint, long counter, int slotBytes) {
        ByteBuffer bytes = order(ByteBuffer
                .allocate(HEADER_BYTES + FIXED_BYTES + DISK_BYTES * checkpoint.disks().size()));
        bytes.putInt(MAGIC).putShort(VERSION).putShort(KIND_MACHINE);
        putId(bytes, checkpoint.machine());
        bytes.putInt(slotBytes).putInt(0).putLong(counter).putLong(0);
        body(bytes, checkpoint);
        bytes.flip();
        bytes.putInt(BODY_LENGTH_OFFSET, bytes.limit() - HEADER_BYTES);
        bytes.putInt(CRC_OFFSET, crc(bytes));
        return bytes;
    }

    private static void body(ByteBuffer bytes, Checkpoint checkpoint) {
        int flags = (checkpoint.direct() ? FLAG_DIRECT : 0) | (checkpoint.following() ? FLAG_FOLLOWING : 0);
        bytes.put((byte) flags).put((byte) checkpoint.base().fidelity().code())
                .put((byte) checkpoint.promotion().stage().code()).put((byte) 0);
        putId(bytes, checkpoint.replica());
        putPosition(bytes, checkpoint.base().position());
        bytes.putLong(checkpoint.base().timeMicros());
        putPosition(bytes, checkpoint.foldTarget());
        putPosition(bytes, checkpoint.promotion().target());
        putPosition(bytes, checkpoint.origin());
        putText(bytes, checkpoint.name(), Limits.MAX_TEXT_BYTES);
        bytes.putShort((short) checkpoint.disks().size());
        for (PlacedDisk placed : checkpoint.disks()) {
            DiskInfo disk = placed.disk();
            bytes.putShort((short) disk.index()).putInt(disk.sectorSizeBytes()).putLong(disk.sizeBytes());
            putText(bytes, disk.stableId(), Limits.MAX_TEXT_BYTES);
            bytes.put((byte) placed.format().code());
            putText(bytes, placed.path(), MAX_PATH_BYTES);
        }
        if (checkpoint.promotion().stage() == Stage.HELD) {
            checkpoint.promotion().seals().forEach(bytes::putLong);
        }
    }

    /**
     * Reads one copy.
     *
     * @param bytes
     *            a slot, from its first byte
     * @throws StoreException
     *             where it is corrupt, of another version, or another machine's
     */
    static Copy decode(ByteBuffer bytes, UUID machine, String where) throws StoreException {
        order(bytes);
        if (bytes.remaining() < HEADER_BYTES || bytes.getInt(0) != MAGIC) {
            throw corrupt(where, "no machine's state begins here");
        }
        int version = bytes.getShort(4);
        int length = bytes.getInt(BODY_LENGTH_OFFSET);
        boolean fits = length >= 0 && length <= bytes.remaining() - HEADER_BYTES;
        if (fits) {
            bytes.limit(HEADER_BYTES + length);
        }
        if (!fits || bytes.getInt(CRC_OFFSET) != crc(bytes) || bytes.getInt(CRC_OFFSET + 4) != 0) {
            throw corrupt(where, "the checksum does not match");
        }
        if (version != VERSION) {
            throw new StoreException(version > VERSION ? Kind.TOO_NEW : Kind.TOO_OLD,
                    where + " has version " + version + ", this program reads " + VERSION);
        }
        bytes.position(8);
        UUID owner = getId(bytes);
        if (bytes.getShort(6) != KIND_MACHINE || !owner.equals(machine)) {
            throw new StoreException(Kind.FOREIGN, where + " belongs to machine " + owner + ", not to " + machine
                    + "; put the right machine's folder there");
        }
        try {
            bytes.position(HEADER_BYTES);
            return new Copy(read(bytes, machine), bytes.getLong(32), bytes.getInt(SLOT_OFFSET));
        } catch (BufferUnderflowException | IllegalArgumentException malformed) {
            throw corrupt(where, "its fields contradict each other: " + malformed.getMessage());
        }
    }

    private static Checkpoint read(ByteBuffer bytes, UUID machine) {
        int flags = bytes.get();
        Fidelity fidelity = coded(Fidelity.values(), Fidelity::code, bytes.get());
        Stage stage = coded(Stage.values(), Stage::code, bytes.get());
        bytes.get();
        UUID replica = getId(bytes);
        Base base = new Base(getPosition(bytes), fidelity, bytes.getLong());
        Position foldTarget = getPosition(bytes);
        Position target = getPosition(bytes);
        Position origin = getPosition(bytes);
        String name = getText(bytes);
        int count = bytes.getShort();
        List<PlacedDisk> disks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int index = bytes.getShort();
            int sectorSizeBytes = bytes.getInt();
            long sizeBytes = bytes.getLong();
            DiskInfo disk = new DiskInfo(index, getText(bytes), sizeBytes, sectorSizeBytes);
            DiskFormat format = coded(DiskFormat.values(), DiskFormat::code, bytes.get());
            disks.add(new PlacedDisk(disk, format, getText(bytes)));
        }
        List<Long> seals = new ArrayList<>();
        for (int i = 0; i < count && stage == Stage.HELD; i++) {
            seals.add(bytes.getLong());
        }
        Promotion promotion = new Promotion(stage, target, seals);
        return new Checkpoint(machine, replica, name, disks, base, (flags & FLAG_DIRECT) != 0,
                (flags & FLAG_FOLLOWING) != 0, foldTarget, promotion, origin);
    }

    private static <E> E coded(E[] constants, ToIntFunction<E> codeOf, int code) {
        for (E constant : constants) {
            if (codeOf.applyAsInt(constant) == code) {
                return constant;
            }
        }
        throw new IllegalArgumentException("code " + code);
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(0, CRC_OFFSET));
        crc.update(bytes.slice(HEADER_BYTES, bytes.limit() - HEADER_BYTES));
        return (int) crc.getValue();
    }

    private static StoreException corrupt(String where, String what) {
        return new StoreException(Kind.CORRUPT, where + ": " + what + "; check the volume's hardware");
    }

    private static ByteBuffer order(ByteBuffer bytes) {
        return order(bytes, ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer order(ByteBuffer bytes, ByteOrder order) {
        return bytes.order(order);
    }

    private static void putId(ByteBuffer bytes, UUID id) {
        order(bytes, ByteOrder.BIG_ENDIAN).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
        order(bytes);
    }

    private static UUID getId(ByteBuffer bytes) {
        UUID id = new UUID(order(bytes, ByteOrder.BIG_ENDIAN).getLong(), bytes.getLong());
        order(bytes);
        return id;
    }

    private static void putPosition(ByteBuffer bytes, Position position) {
        bytes.putLong(position.generation()).putLong(position.sequence());
    }

    private static Position getPosition(ByteBuffer bytes) {
        return new Position(bytes.getLong(), bytes.getLong());
    }

    private static void putText(ByteBuffer bytes, String text, int maxBytes) {
        byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
        if (encoded.length > maxBytes) {
            throw new IllegalArgumentException("text of " + encoded.length + " bytes, at most " + maxBytes);
        }
        bytes.putShort((short) encoded.length).put(encoded);
    }

    private static String getText(ByteBuffer bytes) {
        byte[] encoded = new byte[Math.min(bytes.getShort(), bytes.remaining())];
        bytes.get(encoded);
        return new String(encoded, StandardCharsets.UTF_8);
    }
}

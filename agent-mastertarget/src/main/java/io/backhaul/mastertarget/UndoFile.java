package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.mastertarget.Checkpoint.Base;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What the base disks held at one position, of every stretch that has been overwritten since the file was begun and before
 * the next one was. Appended to and synced before the base disks are overwritten, so that the file is always right about
 * what it holds, and whatever it does not hold stands in the base disks still, or in the next file.
 *
 * <pre>
 *  header   0 magic | 8 version (2), 0 | 16 machine | 32 number | 40 position | 56 time | 64 fidelity | 508 CRC of 0..507
 *           512, 1024: sync marks: number, end, CRC of 16 bytes; written in turn
 *  record   0 magic | 4 stretches | 8 payload's length | 12 CRC of 0..11 and the table
 *           table, 24 bytes each: start | length, highest bit: no bytes | disk (2), 0 | CRC of its bytes, 1: lost | 0
 *           payload: the bytes of those that have any
 * </pre>
 *
 * Written by one lane; read by any thread.
 */
final class UndoFile implements AutoCloseable {
    static final int HEADER_BYTES = 4096;
    static final int MAX_STRETCH_BYTES = 64 << 10;
    private static final long MAGIC = 0x0a1a0a0d4e554b42L;
    private static final int RECORD_MAGIC = 0x43455244;
    private static final short VERSION = 1;
    private static final int CRC_OFFSET = 508;
    private static final int MARK_BYTES = 512;
    private static final int MARK_CRC_OFFSET = 16;
    private static final int RECORD_BYTES = 16;
    private static final int ENTRY_BYTES = 24;
    private static final int MAX_ENTRIES = 1024;
    private static final int MAX_PAYLOAD_BYTES = 1 << 20;
    private static final int EMPTY_FLAG = 1 << 31;
    private static final int MAX_WORDS = 200;
    private static final byte[] ZEROES = new byte[64 << 10];

    private final Volume volume;
    private final long number;
    private final Base at;
    private final StoredFile reader;
    private StoredFile writer;
    private volatile Map<Integer, UndoMap> maps = Map.of();
    private volatile long durableEnd;
    private long end;
    private boolean suspect;
    private int marks;
    private @Nullable Batch batch;

    /** What has been added since the last sync. */
    private static final class Batch {
        private final Map<Integer, UndoMap.Builder> gathered = new TreeMap<>();
        private final ByteBuffer table = order(ByteBuffer.allocate(MAX_ENTRIES * ENTRY_BYTES));
        private final ByteBuffer payload = ByteBuffer.allocate(MAX_PAYLOAD_BYTES);

        private boolean hasRoomFor(int bytes) {
            return table.hasRemaining() && payload.remaining() >= bytes;
        }
    }

    private UndoFile(Volume volume, long number, Base at) throws IOException {
        this.volume = volume;
        this.number = number;
        this.at = at;
        this.writer = volume.open(name(number));
        this.reader = volume.open(name(number));
    }

    static String name(long number) {
        return "%016x.undo".formatted(number);
    }

    private static ByteBuffer order(ByteBuffer bytes) {
        return bytes.order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private static ByteBuffer header(UUID machine, long number, Base at) {
        ByteBuffer header = order(ByteBuffer.allocate(HEADER_BYTES));
        header.putLong(MAGIC).putShort(VERSION).position(16);
        header.putLong(machine.getMostSignificantBits()).putLong(machine.getLeastSignificantBits()).putLong(number);
        header.putLong(at.position().generation()).putLong(at.position().sequence()).putLong(at.timeMicros());
        header.putInt(fidelity(at.fidelity().code()).code());
        header.putInt(CRC_OFFSET, crc(header.slice(0, CRC_OFFSET)));
        return header.clear();
    }

    /** Makes an empty file, durably; there is none of that number. */
    static UndoFile create(Volume volume, UUID machine, long number, Base at) throws IOException {
        try (StoredFile file = volume.create(name(number))) {
            file.write(0, header(machine, number, at));
            file.sync();
        }
        volume.syncFolder("");
        UndoFile made = new UndoFile(volume, number, at);
        made.end = HEADER_BYTES;
        made.durableEnd = HEADER_BYTES;
        return made;
    }

    /**
     * Opens a file, and cuts off what a crash has torn.
     *
     * @return null where the file was only being made when a crash came
     * @throws StoreException
     *             of kind CORRUPT where it is not what was written
     */
    static @Nullable UndoFile open(Volume volume, UUID machine, long number) throws IOException {
        ByteBuffer header = order(ByteBuffer.allocate(HEADER_BYTES));
        long length;
        try (StoredFile file = volume.open(name(number))) {
            length = file.length();
            fill(file, 0, header, Math.min(length, HEADER_BYTES));
        }
        header.clear();
        boolean whole = length >= HEADER_BYTES && header.getInt(CRC_OFFSET) == crc(header.slice(0, CRC_OFFSET))
                && header.getLong(0) == MAGIC;
        if (whole && header.getShort(8) > VERSION) {
            throw new StoreException(Kind.TOO_NEW, volume.describe() + "/" + name(number) + " has version "
                    + header.getShort(8) + ", this program reads " + VERSION);
        }
        whole = whole && header.getShort(8) == VERSION
                && header.getLong(16) == machine.getMostSignificantBits()
                && header.getLong(24) == machine.getLeastSignificantBits() && header.getLong(32) == number;
        if (!whole) {
            if (length <= HEADER_BYTES) {
                return null;
            }
            throw corrupt(volume, number, "its header is not what was written");
        }
        Base at = new Base(new Position(header.getLong(40), header.getLong(48)), fidelity(header.getInt(64)),
                header.getLong(56));
        UndoFile file = new UndoFile(volume, number, at);
        try {
            file.recover(length, Math.max(mark(header, number, MARK_BYTES), mark(header, number, 2 * MARK_BYTES)));
            return file;
        } catch (IOException failed) {
            file.close();
            throw failed;
        }
    }

    private static Fidelity fidelity(int code) {
        return code == Fidelity.ORDERED.code() ? Fidelity.ORDERED : Fidelity.CATCH_UP;
    }

    private static long mark(ByteBuffer header, long number, int offset) {
        boolean valid = header.getInt(offset + MARK_CRC_OFFSET) == crc(header.slice(offset, MARK_CRC_OFFSET))
                && header.getLong(offset) == number;
        return valid ? header.getLong(offset + 8) : HEADER_BYTES;
    }

    private static void fill(StoredFile file, long offset, ByteBuffer target, long bytes) throws IOException {
        int start = target.position();
        target.limit(Math.toIntExact(start + bytes));
        while (target.hasRemaining()) {
            if (file.read(offset + target.position() - start, target) <= 0) {
                throw new EOFException("a file of old content has become shorter");
            }
        }
    }

    private static StoreException corrupt(Volume volume, long number, String what) {
        return new StoreException(Kind.CORRUPT,
                volume.describe() + "/" + name(number) + ": " + what + "; check the volume's hardware");
    }

    /** Everything before the sync mark was durable: there, nothing may be wrong. */
    private void recover(long length, long markedEnd) throws IOException {
        Map<Integer, UndoMap> found = new HashMap<>();
        long next = HEADER_BYTES;
        while (next < length) {
            long after = take(next, length, next >= markedEnd, found);
            if (after == next) {
                break;
            }
            next = after;
        }
        if (next < markedEnd) {
            throw corrupt(volume, number, "the record at " + next + " is not what was written");
        }
        end = next;
        writer.truncate(end);
        writer.sync();
        durableEnd = end;
        maps = Map.copyOf(found);
    }

    /** Takes a record; answers where it ends, or where it begins if it is not whole. */
    private long take(long from, long length, boolean wholly, Map<Integer, UndoMap> found) throws IOException {
        ByteBuffer head = order(ByteBuffer.allocate(RECORD_BYTES));
        if (length - from < RECORD_BYTES) {
            return from;
        }
        fill(reader, from, head, RECORD_BYTES);
        int entries = head.getInt(4);
        int payloadBytes = head.getInt(8);
        boolean bounded = head.getInt(0) == RECORD_MAGIC && entries > 0 && entries <= MAX_ENTRIES && payloadBytes >= 0
                && payloadBytes <= MAX_PAYLOAD_BYTES;
        long payloadAt = from + RECORD_BYTES + (long) entries * ENTRY_BYTES;
        if (!bounded || payloadAt + payloadBytes > length) {
            return from;
        }
        ByteBuffer table = order(ByteBuffer.allocate(entries * ENTRY_BYTES));
        fill(reader, from + RECORD_BYTES, table, table.capacity());
        if (head.getInt(12) != crc(head, table.clear())) {
            return from;
        }
        if (wholly) {
            ByteBuffer payload = ByteBuffer.allocate(payloadBytes);
            fill(reader, payloadAt, payload, payloadBytes);
            if (badStretch(table, payload) >= 0) {
                return from;
            }
        }
        Map<Integer, UndoMap.Builder> builders = new TreeMap<>();
        gather(table, payloadAt, builders);
        builders.forEach((disk, builder) -> found.merge(disk, builder.map(), UndoMap::with));
        return payloadAt + payloadBytes;
    }

    private static void gather(ByteBuffer table, long payloadAt, Map<Integer, UndoMap.Builder> builders) {
        long place = payloadAt;
        for (int at = 0; at < table.limit(); at += ENTRY_BYTES) {
            int lengthBytes = table.getInt(at + 8) & ~EMPTY_FLAG;
            boolean empty = table.getInt(at + 8) < 0;
            builders.computeIfAbsent(table.getShort(at + 12) & 0xffff, disk -> new UndoMap.Builder())
                    .add(table.getLong(at), lengthBytes, empty, place, table.getInt(at + 16));
            place += empty ? 0 : lengthBytes;
        }
    }

    /** The place in the table of the first stretch of which the bytes do not match; -1 where all do. */
    private static int badStretch(ByteBuffer table, ByteBuffer payload) {
        int place = 0;
        for (int at = 0; at < table.capacity(); at += ENTRY_BYTES) {
            int lengthBytes = table.getInt(at + 8);
            if (lengthBytes >= 0) {
                if (place + lengthBytes > payload.capacity()
                        || crc(payload.slice(place, lengthBytes)) != table.getInt(at + 16)) {
                    return at;
                }
                place += lengthBytes;
            }
        }
        return -1;
    }

    /**
     * Reads back what is durable: the header where {@code from} is 0, else the record there.
     *
     * @return where it ends
     * @throws StoreException
     *             of kind CORRUPT where it is not what was written
     */
    long check(UUID machine, long from) throws IOException {
        if (from == 0) {
            // Once more where it looks damaged: a sync mark may have been written just then.
            boolean isWhole = isHeaderWhole(machine);
            if (!isWhole) {
                isWhole = isHeaderWhole(machine);
            }
            if (!isWhole) {
                throw corrupt(volume, number, "its header is not what was written");
            }
            return HEADER_BYTES;
        }
        long next = take(from, durableEnd, true, new HashMap<>());
        if (next == from) {
            throw corrupt(volume, number, "the record at " + from + " is not what was written" + stretchesBehind(from));
        }
        return next;
    }

    private boolean isHeaderWhole(UUID machine) throws IOException {
        ByteBuffer found = order(ByteBuffer.allocate(HEADER_BYTES));
        fill(reader, 0, found, HEADER_BYTES);
        found.clear();
        for (int offset = MARK_BYTES; offset <= 2 * MARK_BYTES; offset += MARK_BYTES) {
            if (mark(found, number, offset) != HEADER_BYTES) {
                found.put(offset, new byte[MARK_CRC_OFFSET + Integer.BYTES]);
            }
        }
        return found.equals(header(machine, number, at));
    }

    /** What lies in the next megabyte or so, in words. */
    private String stretchesBehind(long from) {
        StringJoiner words = new StringJoiner(", ", "; old content of ", "").setEmptyValue("");
        maps.forEach((disk, map) -> {
            for (int i = 0; i < map.count() && words.length() < MAX_WORDS; i++) {
                boolean isNear = map.place(i) > from && map.place(i) < from + MAX_PAYLOAD_BYTES;
                if (isNear && !map.isEmpty(i)) {
                    words.add("disk " + disk + " from " + map.start(i) + " to " + map.end(i));
                }
            }
        });
        return words.toString();
    }

    private static int crc(ByteBuffer head, ByteBuffer table) {
        CRC32C crc = new CRC32C();
        crc.update(head.slice(0, RECORD_BYTES - 4));
        crc.update(table.duplicate());
        return (int) crc.getValue();
    }

    long number() {
        return number;
    }

    /** Of which position this is the old content. */
    Base at() {
        return at;
    }

    /** What is saved of a disk, durably. */
    UndoMap map(int disk) {
        return maps.getOrDefault(disk, UndoMap.EMPTY);
    }

    Map<Integer, UndoMap> maps() {
        return maps;
    }

    /** The stretches of which nobody knows what stood there. */
    List<BaseStretch> lost() {
        List<BaseStretch> lost = new ArrayList<>();
        maps.forEach((disk, map) -> {
            for (int i = 0; map.losses() > 0 && i < map.count(); i++) {
                if (map.lost(i)) {
                    lost.add(new BaseStretch(disk, map.start(i), map.end(i)));
                }
            }
        });
        return lost;
    }

    int stretches() {
        int count = 0;
        for (UndoMap map : maps.values()) {
            count += map.count();
        }
        return count;
    }

    long bytes() {
        return durableEnd;
    }

    /** Begins to add, behind what is durable. */
    void begin() throws IOException {
        if (suspect) {
            writer.close();
            writer = volume.open(name(number));
            writer.truncate(durableEnd);
            writer.sync();
            end = durableEnd;
            suspect = false;
        }
        batch = new Batch();
    }

    private Batch current() {
        Batch begun = batch;
        if (begun == null) {
            throw new IllegalStateException("nothing has been begun");
        }
        return begun;
    }

    /**
     * Adds a stretch; those of a disk in rising order.
     *
     * @param content
     *            null where it is zero
     */
    void add(int disk, long start, int lengthBytes, @Nullable ByteBuffer content) throws IOException {
        add(new BaseStretch(disk, start, start + lengthBytes), content, content == null ? 0 : crc(content.duplicate()));
    }

    /** Adds a stretch of which nobody knows what stood there. */
    void addLost(BaseStretch stretch) throws IOException {
        add(stretch, null, UndoMap.LOST);
    }

    private void add(BaseStretch stretch, @Nullable ByteBuffer content, int crc) throws IOException {
        suspect = true;
        Batch now = current();
        int lengthBytes = Math.toIntExact(stretch.to() - stretch.from());
        if (!now.hasRoomFor(content == null ? 0 : lengthBytes)) {
            write(now);
        }
        now.table.putLong(stretch.from()).putInt(lengthBytes | (content == null ? EMPTY_FLAG : 0))
                .putShort((short) stretch.disk()).putShort((short) 0).putInt(crc).putInt(0);
        if (content != null) {
            now.payload.put(content);
        }
    }

    private void write(Batch now) throws IOException {
        if (now.table.position() == 0) {
            return;
        }
        now.table.flip();
        now.payload.flip();
        ByteBuffer head = order(ByteBuffer.allocate(RECORD_BYTES));
        head.putInt(RECORD_MAGIC).putInt(now.table.limit() / ENTRY_BYTES).putInt(now.payload.limit());
        head.putInt(crc(head, now.table));
        long length = (long) RECORD_BYTES + now.table.limit() + now.payload.limit();
        gather(now.table, end + RECORD_BYTES + now.table.limit(), now.gathered);
        writer.write(end, new ByteBuffer[]{head.flip(), now.table.duplicate(), now.payload.duplicate()});
        end += length;
        now.table.clear();
        now.payload.clear();
    }

    /** Makes durable what was added; only then it counts, and may be overwritten in the base disks. */
    void commit() throws IOException {
        Batch now = current();
        write(now);
        if (end > durableEnd) {
            writer.sync();
            durableEnd = end;
            Map<Integer, UndoMap> next = new HashMap<>(maps);
            now.gathered.forEach((disk, builder) -> next.merge(disk, builder.map(), UndoMap::with));
            maps = Map.copyOf(next);
            mark();
        }
        batch = null;
        suspect = false;
    }

    /** Says how far the file is durable; survives the process at once, and a loss of power after the next sync. */
    private void mark() throws IOException {
        ByteBuffer mark = order(ByteBuffer.allocate(20));
        mark.putLong(number).putLong(durableEnd);
        mark.putInt(crc(mark.slice(0, 16)));
        writer.write(MARK_BYTES * (1L + (marks++ & 1)), mark.flip());
    }

    /** Reads a part of a saved stretch, which is verified as a whole. */
    void read(UndoMap map, int stretch, long from, ByteBuffer target) throws IOException {
        int lengthBytes = map.lengthBytes(stretch);
        if (map.zero(stretch)) {
            while (target.hasRemaining()) {
                target.put(ZEROES, 0, Math.min(ZEROES.length, target.remaining()));
            }
            return;
        }
        ByteBuffer content = ByteBuffer.allocate(lengthBytes);
        fill(reader, map.place(stretch), content, lengthBytes);
        content.flip();
        if (crc(content.duplicate()) != map.crc(stretch)) {
            throw corrupt(volume, number, lengthBytes + " bytes at " + map.place(stretch)
                    + " do not match their checksum");
        }
        target.put(content.slice(Math.toIntExact(from - map.start(stretch)), target.remaining()));
    }

    @Override
    public void close() throws IOException {
        try {
            writer.close();
        } finally {
            reader.close();
        }
    }
}

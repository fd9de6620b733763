package io.backhaul.source;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.source.StateFileException.Defect;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The state on disk: a header and two slots. A slot is a counter (u64), a length (u32), a CRC32C of both and of the state
 * (u32), then the state. The valid slot with the higher counter counts. What must survive the machine is written to both
 * slots, one made durable before the other is touched: so a slot that rots is covered by the other, and a write that was cut
 * off leaves the other whole. Everything else goes to the first slot only; the second then holds the last state that was made
 * durable, with the same generation, and less known to be journaled.
 *
 * <p>
 * What {@link #save} wrote survives the process; it survives the machine where it was asked to. Owned by the state lane
 * once open. A file that failed is closed and opened again by the next save.
 */
final class StateFile implements AutoCloseable {
    static final String NAME = "state.bks";
    private static final String DAMAGED_NAME = "state.bks.damaged";
    private static final int SLOT_BYTES = 192 << 10;
    private static final int FIRST_SLOT = 4096;
    private static final int SLOT_HEADER_BYTES = 16;

    private final Volume volume;
    private final StateFileHeader header;
    private @Nullable StoredFile file;
    private final @Nullable SourceState found;
    private final ByteBuffer slot = ByteBuffer.allocate(SLOT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private long counter;
    /** Nothing else may be written before the second slot is: it is damaged, or may be. */
    private boolean mendSecond;

    private StateFile(Volume volume, StateFileHeader header, StoredFile file, @Nullable Slot newest,
            boolean mendSecond) {
        this.volume = volume;
        this.header = header;
        this.file = file;
        this.found = newest == null ? null : newest.state;
        this.counter = newest == null ? 0 : newest.counter;
        this.mendSecond = mendSecond;
    }

    private record Slot(long counter, SourceState state) {}

    /**
     * Opens the state of a machine, or makes an empty one.
     *
     * @throws StateFileException
     *             where the file is of another version, belongs to another machine or is corrupt
     */
    static StateFile open(Volume volume, UUID machine) throws IOException {
        StateFileHeader header = new StateFileHeader(StateFileHeader.Kind.STATE, machine, 0, 0, 0);
        if (!volume.exists(NAME)) {
            return create(volume, machine);
        }
        StoredFile file = volume.open(NAME);
        try {
            header.verify(file, volume.describe() + "/" + NAME);
            Slot first = read(file, 0);
            Slot second = read(file, 1);
            if (first == null && second == null && file.length() > FIRST_SLOT) {
                throw new StateFileException(Defect.CORRUPT,
                        volume.describe() + "/" + NAME + ": both slots are damaged");
            }
            boolean secondIsNewest = first == null || (second != null && second.counter > first.counter);
            return new StateFile(volume, header, file, secondIsNewest ? second : first,
                    first != null && second == null);
        } catch (IOException | RuntimeException wrong) {
            file.close();
            throw wrong;
        }
    }

    /** Makes an empty one, in the place of a damaged one, which is set aside: that there was one must not be forgotten. */
    static StateFile replace(Volume volume, UUID machine) throws IOException {
        if (volume.exists(DAMAGED_NAME)) {
            volume.delete(DAMAGED_NAME);
        }
        volume.rename(NAME, DAMAGED_NAME);
        volume.syncFolder("");
        return create(volume, machine);
    }

    /** Whether there was a state that could not be read. */
    boolean replacesDamaged() {
        return volume.exists(DAMAGED_NAME);
    }

    private static StateFile create(Volume volume, UUID machine) throws IOException {
        StateFileHeader header = new StateFileHeader(StateFileHeader.Kind.STATE, machine, 0, 0, 0);
        StoredFile file = volume.create(NAME);
        header.write(file);
        file.preallocate(FIRST_SLOT + 2L * SLOT_BYTES);
        return new StateFile(volume, header, file, null, false);
    }

    /** The state that was there at opening; null where there was none. */
    @Nullable
    SourceState found() {
        return found;
    }

    private static @Nullable Slot read(StoredFile file, int index) throws IOException {
        ByteBuffer slot = ByteBuffer.allocate(SLOT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        file.fill(FIRST_SLOT + (long) index * SLOT_BYTES, slot);
        slot.flip();
        if (slot.remaining() < SLOT_HEADER_BYTES) {
            return null;
        }
        long counter = slot.getLong();
        int length = slot.getInt();
        int crc = slot.getInt();
        if (counter == 0 || length < 0 || length > slot.remaining() || crc != crc(slot.array(), length)) {
            return null;
        }
        try {
            return new Slot(counter, SourceState.decode(slot.slice(SLOT_HEADER_BYTES, length)));
        } catch (BufferUnderflowException | IllegalArgumentException nonsense) {
            return null;
        }
    }

    /** Of counter and length, and of the state behind them. */
    private static int crc(byte[] slot, int length) {
        CRC32C crc = new CRC32C();
        crc.update(slot, 0, 12);
        crc.update(slot, SLOT_HEADER_BYTES, length);
        return (int) crc.getValue();
    }

    /** Writes the state; {@code durable}: also against power loss. */
    void save(SourceState state, boolean durable) throws IOException {
        StoredFile target = file == null ? reopened() : file;
        slot.clear().position(SLOT_HEADER_BYTES);
        state.encode(slot);
        int length = slot.position() - SLOT_HEADER_BYTES;
        slot.putLong(0, counter + 1).putInt(8, length);
        slot.putInt(12, crc(slot.array(), length));
        slot.flip();
        try {
            if (mendSecond) {
                write(target, 1, true);
                mendSecond = false;
            }
            write(target, 0, durable);
            if (durable) {
                mendSecond = true;
                write(target, 1, true);
                mendSecond = false;
                if (counter == 0) {
                    volume.syncFolder("");
                }
            }
        } catch (IOException failed) {
            file = null;
            target.close();
            throw failed;
        }
        counter++;
    }

    private void write(StoredFile target, int index, boolean durable) throws IOException {
        target.write(FIRST_SLOT + (long) index * SLOT_BYTES, slot.duplicate());
        if (durable) {
            target.sync();
        }
    }

    private StoredFile reopened() throws IOException {
        StoredFile again = volume.open(NAME);
        header.verify(again, volume.describe() + "/" + NAME);
        file = again;
        return again;
    }

    @Override
    public void close() throws IOException {
        if (file != null) {
            file.close();
        }
    }
}

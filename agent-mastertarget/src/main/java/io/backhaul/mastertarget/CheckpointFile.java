package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.StoreException;
import io.backhaul.mastertarget.CheckpointCodec.Copy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The file {@code machine.state}: two copies of the machine's {@link Checkpoint}, each in a slot of its own. Both are
 * written for every change, one made durable before the other is touched, so that at any instant one is whole: the newer
 * one counts. What is done on the strength of a change begins after both are durable; therefore a copy that rots is
 * covered by the other.
 * <p>
 * Changes overwrite the slots in place, and so need no room: a full volume can still be folded empty. Owned by one lane.
 */
final class CheckpointFile {
    static final String NAME = "machine.state";
    private static final String NEW_NAME = "machine.state.new";
    private static final int MIN_SLOT_BYTES = 16 << 10;

    private final Volume volume;
    private final UUID machine;
    private long counter;
    private int slotBytes;
    /** The slot to write first: the other one is durable, and whole. */
    private int first;

    CheckpointFile(Volume volume, UUID machine) {
        this.volume = volume;
        this.machine = machine;
    }

    /**
     * The last state that was saved; null where none ever was. Where the save did not come to its end it is done again: what
     * is read back after a sync that failed need not be durable.
     */
    @Nullable
    Checkpoint load() throws IOException {
        if (!volume.exists(NAME)) {
            return null;
        }
        try (StoredFile file = volume.open(NAME)) {
            StoreException trouble = null;
            Copy best = null;
            boolean whole = true;
            int half = (int) Math.min(file.length() / 2, Integer.MAX_VALUE);
            for (int slot = 0; slot < 2; slot++) {
                try {
                    Copy copy = CheckpointCodec.decode(read(file, (long) slot * half, half), machine, describe());
                    whole &= best == null || copy.counter() == best.counter();
                    if (best == null || copy.counter() > best.counter()) {
                        best = copy;
                        first = 1 - slot;
                    }
                } catch (StoreException damaged) {
                    whole = false;
                    trouble = damaged;
                }
            }
            if (best == null) {
                throw trouble == null ? new IOException(describe() + " is empty") : trouble;
            }
            counter = best.counter();
            slotBytes = half;
            volume.syncFolder("");
            if (!whole) {
                save(best.checkpoint());
            }
            return best.checkpoint();
        } catch (IOException failed) {
            throw StoreException.of(failed, "reading " + describe());
        }
    }

    private static ByteBuffer read(StoredFile file, long offset, int length) throws IOException {
        ByteBuffer slot = ByteBuffer.allocate(length);
        file.fill(offset, slot);
        return slot.flip();
    }

    /** Makes the state durable. After a failure either this or the state before may be found. */
    void save(Checkpoint checkpoint) throws IOException {
        try {
            ByteBuffer copy = CheckpointCodec.encode(checkpoint, counter + 1, slotBytes);
            if (copy.remaining() > slotBytes || !volume.exists(NAME)) {
                create(checkpoint, copy.remaining());
                return;
            }
            try (StoredFile file = volume.open(NAME)) {
                counter++;
                file.write((long) first * slotBytes, copy.duplicate());
                file.sync();
                first = 1 - first;
                file.write((long) first * slotBytes, copy);
                file.sync();
            }
        } catch (IOException failed) {
            throw StoreException.of(failed, "writing " + describe());
        }
    }

    private void create(Checkpoint checkpoint, int lengthBytes) throws IOException {
        if (volume.exists(NEW_NAME)) {
            volume.delete(NEW_NAME);
        }
        int slot = Math.max(MIN_SLOT_BYTES, Integer.highestOneBit(lengthBytes) * 4);
        ByteBuffer copy = CheckpointCodec.encode(checkpoint, counter + 1, slot);
        try (StoredFile file = volume.create(NEW_NAME)) {
            file.write(0, ByteBuffer.allocate(2 * slot));
            file.write(0, copy.duplicate());
            file.write(slot, copy);
            file.sync();
        }
        volume.rename(NEW_NAME, NAME);
        volume.syncFolder("");
        counter++;
        slotBytes = slot;
    }

    private String describe() {
        return volume.describe() + "/" + NAME;
    }
}

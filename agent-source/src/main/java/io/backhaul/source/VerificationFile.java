package io.backhaul.source;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How far verification has come, on disk: a header, then from byte 64 on a length (u32), a CRC32C of what follows (u32), and
 * that. Nothing depends on it: what is torn or rotten is as good as absent, and a pass begins anew. Never made durable; written
 * on the state's lane.
 */
final class VerificationFile {
    static final String NAME = "verification.bks";
    private static final int BODY_BYTES = 4096;
    private static final int PREFIX_BYTES = 8;

    private final Volume volume;
    private final StateFileHeader header;

    VerificationFile(Volume volume, UUID machine) {
        this.volume = volume;
        this.header = new StateFileHeader(StateFileHeader.Kind.VERIFICATION, machine, 0, 0, 0);
    }

    /** What is there; null where there is nothing that can be used. */
    @Nullable
    Verification load() {
        if (!volume.exists(NAME)) {
            return null;
        }
        try (StoredFile file = volume.open(NAME)) {
            header.verify(file, volume.describe() + "/" + NAME);
            ByteBuffer bytes = ByteBuffer.allocate(BODY_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            file.fill(StateFileHeader.LENGTH_BYTES, bytes);
            bytes.flip();
            int length = bytes.getInt();
            int crc = bytes.getInt();
            if (length < 0 || length > bytes.remaining()
                    || crc != StateFileHeader.crc(bytes.array(), PREFIX_BYTES, length)) {
                return null;
            }
            return Verification.decode(bytes.limit(PREFIX_BYTES + length));
        } catch (BufferUnderflowException | IOException unusable) {
            return null;
        }
    }

    void save(Verification state) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(BODY_BYTES).order(ByteOrder.LITTLE_ENDIAN).position(PREFIX_BYTES);
        state.encode(bytes);
        int length = bytes.position() - PREFIX_BYTES;
        bytes.putInt(0, length).putInt(4, StateFileHeader.crc(bytes.array(), PREFIX_BYTES, length));
        try (StoredFile file = volume.exists(NAME) ? volume.open(NAME) : volume.create(NAME)) {
            header.write(file);
            file.write(StateFileHeader.LENGTH_BYTES, bytes.flip());
        }
    }
}

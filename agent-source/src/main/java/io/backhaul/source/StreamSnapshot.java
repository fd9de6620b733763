package io.backhaul.source;

import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import java.util.List;

/**
 * Where the change stream stands.
 *
 * @param captured
 *            the last position given to a record; {@link Position#NONE} before the first generation
 * @param capturedBytes
 *            payload bytes captured so far
 * @param pendingBytes
 *            per disk, what must still be read and sent
 */
record StreamSnapshot(boolean open, Position captured, long capturedBytes, Fidelity fidelity, boolean overflowing,
        long overflows, List<Long> pendingBytes) {
    StreamSnapshot {
        pendingBytes = List.copyOf(pendingBytes);
    }
}

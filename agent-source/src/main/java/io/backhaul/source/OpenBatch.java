package io.backhaul.source;

import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatchBuilder;
import java.util.UUID;

/** The batch that still grows. Guarded by the lock of {@link ChangeStream}. */
final class OpenBatch {
    final WriteBatchBuilder builder;
    final Position first;
    final long openedNanos;
    long roomBytes;

    OpenBatch(WriteBatchBuilder builder, Position first, long openedNanos) {
        this.builder = builder;
        this.first = first;
        this.openedNanos = openedNanos;
    }

    /** Nothing is added any more. */
    Sealed.Batch sealed(UUID machine, long wallMicros) {
        return new Sealed.Batch(builder, new WriteBatchBuilder.Heading(machine, first, wallMicros, false), roomBytes,
                openedNanos);
    }
}

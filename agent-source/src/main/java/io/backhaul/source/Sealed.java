package io.backhaul.source;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.WriteBatchBuilder;

/** A piece of the stream whose sequences are fixed, on its way to become a frame. Whoever holds it owns what is inside. */
sealed interface Sealed {
    long generation();

    /** Room that it holds; whoever ends its life gives this back. */
    long roomBytes();

    /** When its oldest write was captured, by the monotonic clock. */
    long openedNanos();

    void discard();

    /** Writes that are yet to be compressed and checksummed. */
    record Batch(WriteBatchBuilder builder, WriteBatchBuilder.Heading heading, long roomBytes,
            long openedNanos) implements Sealed {
        @Override
        public long generation() {
            return heading.first().generation();
        }

        @Override
        public void discard() {
            builder.discard();
        }
    }

    /** A small record that is a frame already. */
    record Ready(Frame frame, long roomBytes, long openedNanos) implements Sealed {
        @Override
        public long generation() {
            return frame.generation();
        }

        @Override
        public void discard() {
            frame.release();
        }
    }

    /** Where sealed pieces go, in their order. Called under the stream's lock: must not block nor call back. */
    interface Outlet {
        void sealed(Sealed piece);
    }
}

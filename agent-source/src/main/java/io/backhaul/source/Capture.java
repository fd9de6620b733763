package io.backhaul.source;

import io.backhaul.protocol.Position;
import java.io.IOException;

/**
 * What sees the writes to a machine's disks and hands them to the {@link ChangeStream}, in the order of the disks. It may
 * stand in front of a disk and write through, or only observe.
 */
public interface Capture {
    /** Where the writes go from now on. Called once, before any write. */
    void attach(ChangeStream stream);

    /**
     * Returns when every write that a disk had taken before the call is in the stream. Called on a lane; may block.
     *
     * @throws IOException
     *             where that cannot be promised: something was written unseen
     */
    void barrier() throws IOException;

    /** What ties a capture that only observes to the stream; {@link Observation#NONE} where it stands in front. */
    default Observation observation() {
        return Observation.NONE;
    }

    /** Whether a disk has failed to make durable what was written to it, as far as the capture sees that. */
    default boolean isDoubted() {
        return false;
    }

    /** Everything up to here is safe where the operator wants it to be, and need not be kept. On the session's loop. */
    default void released(Position upTo) {}

    /** Nobody waits for writes any more. On the session's loop; whoever is blocked here returns. */
    default void end() {}
}

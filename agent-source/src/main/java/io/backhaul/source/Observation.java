package io.backhaul.source;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What a capture that only observes does beside handing over writes: it keeps them until they are released, and may keep them
 * across lives of the agent; and it knows which of them a read of a disk has seen.
 *
 * <p>
 * The calls about positions come under the stream's lock, before anyone else learns of the position: they do memory work
 * only.
 */
public interface Observation {
    /** That of a capture that stands in front of the disks. */
    Observation NONE = new Observation() {};

    /** A number that rises with every write observed: those that are submitted after the call get a higher one. */
    default long head() {
        return 0;
    }

    /** Returns when every write that was submitted before the call is on its disk, for reads to see. On a lane. */
    default void settle() throws IOException {}

    /** Returns when every write that was submitted before the call is in the stream or marked. On a lane. */
    default void follow() throws IOException {}

    /**
     * Whether something that was observed has not been in the stream of this process. A disk may have refused it, which an earlier
     * process knows by the dirty map alone: digests of the state before it would say that nothing differs there.
     */
    default boolean isBehind() {
        return false;
    }

    /** A generation begins; nothing of it can be continued yet. */
    default void begun(long generation) {}

    /** The stream has got to this position. */
    default void reached(Position last) {}

    /** The stream is {@code ORDERED} from this frame on. */
    default void ordered(Frame frame) {}

    /** The stream is {@code ORDERED} no more. */
    default void disordered() {}

    /** A frame that is not made of observed writes, in an {@code ORDERED} stretch. */
    default void marked(Frame frame) {}

    /** The generation whose writes have been observed without a break up to now; 0 where there is none, so that some may be missing. */
    default long unbrokenSince() {
        return 0;
    }

    /** Whether writes are only observed, and go on when this process does not. */
    default boolean outlivesProcess() {
        return false;
    }

    /**
     * All disks will be compared from their beginning: what was observed before is dropped. A comparison does not see what the
     * stream would still write. Before {@link Capture#attach}.
     */
    default void forget() throws IOException {}

    /** What can be continued of a generation that an earlier life of the agent began; null where nothing can. */
    default @Nullable Continuation continuation() {
        return null;
    }

    /** The stream goes on behind this position of the {@link #continuation}. */
    default void resume(Position durable) {}

    /**
     * Positions at which an {@code ORDERED} stretch may be taken up again.
     *
     * @param first
     *            the earliest position behind which everything is kept
     * @param last
     *            the last position that anyone may have seen
     */
    record Continuation(Position first, Position last) {}
}

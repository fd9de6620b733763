package io.backhaul.engine.stream;

import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import org.jspecify.annotations.Nullable;

/** Where a {@link StreamReceiver} puts one machine's frames. All on the machine's loop. */
public interface FrameSink {
    /** The last position taken, durable or not; what the next frame must follow. */
    Position accepted();

    /** Where the stream stands, for POSITIONS. */
    Positions positions();

    /** Runs {@code task} once everything accepted so far is durable or given up; at once where that is so already. */
    void whenSettled(Runnable task);

    /** Whether this sender may stream at all; null where it may. */
    @Nullable
    Refusal admit(Hello hello);

    /** Whether a new generation, higher than all before, may begin here; null where it may. */
    @Nullable
    Refusal judge(GenerationStart start);

    /** Whether the fidelity may change so here; null where it may, as on the way to who judges it. */
    default @Nullable Refusal judge(FidelityChange change) {
        return null;
    }

    /**
     * Takes a stream frame that follows {@link #accepted}. The sink owns it, and runs {@code released} exactly once, when
     * its memory is free again: this is what credit is given for.
     */
    void accept(Frame frame, Runnable released);

    /** A control frame that is not the session's own, such as DIGEST_REQUEST; the sink owns it. */
    void control(Frame frame);
}

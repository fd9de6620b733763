package io.backhaul.engine.stream;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Welcome;
import org.jspecify.annotations.Nullable;

/** Where a {@link StreamSender} takes its frames from, and whom it tells what the other side says. All on its loop. */
public interface FrameFeed {
    /** The greeting for a link that has just been made. */
    Hello greeting();

    /**
     * The receiver goes on behind {@link Welcome#durable}: rewind there, so that {@link #next} gives the frame after it. A
     * feed that holds that frame no more begins a new generation, at once or later, and gives nothing until then.
     */
    void resume(Welcome welcome);

    /** The next frame to send, retained for the caller; null where there is none now: {@link StreamSender#wake} later. */
    @Nullable
    Frame next();

    /** What the receiver says of the stream's progress; lawful, and never behind what it said before on this link. */
    void progress(Positions positions);

    /** A control frame that is not the session's own, such as DIGESTS; the feed owns it. */
    void control(Frame frame);

    /** What the receiver, or who stands behind it, cannot give back any more. Whoever does not heed it is asked again. */
    default void resend(Resend resend) {}

    /** The receiver has ended the link. */
    Reaction refused(Refusal refusal);

    /** The link has gone; what {@link #next} gave since {@link #resume} may or may not have arrived. */
    void disconnected();

    /** What to do after a refusal. */
    enum Reaction {
        /** Dial again after the usual wait. */
        RETRY,
        /** Never dial again by itself: an operator must act. */
        STOP
    }
}

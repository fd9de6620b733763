package io.backhaul.engine.link;

import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Identity;

/**
 * One connection to a peer whose certificate has been verified. Frames go out in the order of {@link #send} and come in
 * through the {@link Listener} on the link's loop. Whole frames with right checksums only: anything else ends the link.
 */
public interface Link {
    /** Where {@link #queuedBytes} must fall below for {@link Listener#drained} to be told. */
    long LOW_WATER_BYTES = 1L << 20;

    /** Who the peer is, by its certificate. */
    Identity peer();

    /** Where the peer is, for messages. */
    String remoteAddress();

    /**
     * Names who is told of frames, and on which loop. Called first by the acceptor or the dialler's outcome; the owner may
     * hand the link on by calling it again, from the loop it was attached to. Frames that came in between are delivered to
     * the new listener, in order.
     */
    void attach(Loop loop, Listener listener);

    /** Queues a frame and takes it over. On a closed link it is released. Only from the attached loop. */
    void send(Frame frame);

    /**
     * Bytes that have come in so far, whole frames or not: a sign of life while a long frame is under way on a slow path.
     */
    long receivedBytes();

    /** Bytes queued by {@link #send} that the operating system has not taken yet. */
    long queuedBytes();

    /**
     * Whether nothing more is taken off the connection for now, so that the peer is held back; what has been taken off it
     * still comes. Only from the attached loop.
     */
    void hold(boolean nothingMore);

    /**
     * Sends what is queued, then closes. The listener hears no frame any more, and {@link Listener#closed} once, later: never
     * from within this call.
     */
    void close();

    /** What a link tells its owner; on the attached loop. */
    interface Listener {
        /** A frame has come; the listener owns it. */
        void frame(Frame frame);

        /** {@link #queuedBytes} has fallen below {@link #LOW_WATER_BYTES} again. */
        default void drained() {}

        /**
         * The link has ended, by either side; nothing follows.
         *
         * @param why
         *            in words, for the log; empty where this side closed it
         */
        void closed(String why);
    }
}

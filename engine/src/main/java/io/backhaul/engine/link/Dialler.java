package io.backhaul.engine.link;

import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Role;

/** Makes links to others. */
public interface Dialler {
    /**
     * Connects, runs the TLS handshake and verifies that the peer's certificate names {@code role}. Exactly one method of
     * {@code outcome} is called, on {@code loop}.
     *
     * @param address
     *            {@code HOST:PORT}
     */
    void dial(String address, Role role, Loop loop, Outcome outcome);

    /** What became of it. */
    interface Outcome {
        /** The link stands; the receiver attaches a listener at once. */
        void connected(Link link);

        /** It does not; {@code why} is a sentence. */
        void failed(FaultCode code, String why);
    }
}

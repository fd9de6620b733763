package io.backhaul.blockio.nbd;

import java.io.IOException;

/** The peer did what the NBD protocol does not allow; the connection ends. */
final class ProtocolBreach extends IOException {
    private static final long serialVersionUID = 1L;

    ProtocolBreach(String message) {
        super(message);
    }
}

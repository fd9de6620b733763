package io.backhaul.engine.link;

import java.io.IOException;
import java.io.Serial;

/** Certificates or a key that cannot be used; the message is the one line that the operator needs. */
public final class CredentialsException extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    CredentialsException(String message) {
        super(message);
    }
}

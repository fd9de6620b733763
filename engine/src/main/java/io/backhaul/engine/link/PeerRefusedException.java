package io.backhaul.engine.link;

import java.io.Serial;
import java.security.cert.CertificateException;

/** A peer's certificate is not what is needed; ends the handshake with an alert. */
final class PeerRefusedException extends CertificateException {
    @Serial
    private static final long serialVersionUID = 1;

    private final transient RefusalCause reason;

    PeerRefusedException(RefusalCause reason, String message) {
        super(message);
        this.reason = reason;
    }

    RefusalCause reason() {
        return reason;
    }
}

package io.backhaul.engine.link;

import io.backhaul.protocol.FaultCode;
import java.util.Locale;

/** Why a link was refused before it stood. */
enum RefusalCause {
    NO_CERTIFICATE(FaultCode.NOT_AUTHORISED, "it showed no certificate"),
    UNTRUSTED(FaultCode.NOT_AUTHORISED, "its certificate comes from another authority, or is not valid now"),
    NO_IDENTITY(FaultCode.NOT_AUTHORISED, "its certificate names no part of Backhaul"),
    WRONG_ROLE(FaultCode.NOT_AUTHORISED, "its certificate is for another role"),
    NOT_TLS(FaultCode.TLS_FAILED, "it does not speak TLS 1.3"),
    TOO_SLOW(FaultCode.TLS_FAILED, "it did not finish the TLS handshake in time"),
    GONE(FaultCode.TLS_FAILED, "it went away in the TLS handshake"),
    ALERT(FaultCode.TLS_FAILED, "it refused the TLS handshake"),
    TOO_MANY(FaultCode.BUSY, "too many links stand or are being made already");

    private final FaultCode code;
    private final String words;

    RefusalCause(FaultCode code, String words) {
        this.code = code;
        this.words = words;
    }

    FaultCode code() {
        return code;
    }

    String words() {
        return words;
    }

    /** The name in metrics. */
    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}

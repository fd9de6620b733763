package io.backhaul.mastertarget;

import io.backhaul.mastertarget.RunHeader.Span;
import java.io.IOException;

/** A run is not what was written; the journal makes it anew. */
final class DamagedRunException extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient Span span;

    DamagedRunException(Span span, String what) {
        super(what + "; it is made anew from the journal");
        this.span = span;
    }

    /** Which run. */
    Span span() {
        return span;
    }
}

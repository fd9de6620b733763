package io.backhaul.protocol;

import java.io.Serial;

/** A body whose checksum is right and whose content breaks the specification: the sender is faulty or hostile. */
public final class MalformedBodyException extends Exception {
    @Serial
    private static final long serialVersionUID = 1;

    public MalformedBodyException(String what) {
        super("malformed body: " + what);
    }
}

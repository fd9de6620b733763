package io.backhaul.source;

import java.io.IOException;

/** A file of the state folder that is not what it should be; the message is one clear line. */
final class StateFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What is wrong. The four are told apart because their cures differ. */
    enum Defect {
        TOO_OLD, TOO_NEW, CORRUPT, FOREIGN
    }

    private final Defect defect;

    StateFileException(Defect defect, String message) {
        super(message);
        this.defect = defect;
    }

    Defect defect() {
        return defect;
    }
}

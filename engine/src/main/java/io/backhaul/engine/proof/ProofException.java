package io.backhaul.engine.proof;

import java.io.IOException;

/** A proof file that cannot be believed; the message is one clear line. */
public final class ProofException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What is wrong. They are told apart because their cures differ. */
    public enum Defect {
        /** Written in a format that is not read any more. */
        TOO_OLD,
        /** Written in a format of a later version. */
        TOO_NEW,
        /** Damaged, cut off, or no proof file at all. */
        CORRUPT
    }

    private final Defect defect;

    ProofException(Defect defect, String message) {
        super(message);
        this.defect = defect;
    }

    /** Something in it is not as it was written. */
    static ProofException corrupt(String file, String what) {
        return new ProofException(Defect.CORRUPT,
                file + " proves nothing: " + what
                        + "; take another copy of it, or have the source record another proof");
    }

    public Defect defect() {
        return defect;
    }
}

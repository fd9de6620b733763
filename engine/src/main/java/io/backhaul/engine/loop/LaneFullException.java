package io.backhaul.engine.loop;

import java.io.IOException;
import java.io.Serial;

/** A lane has so much to do already that it takes no more; the work has not been begun. */
public final class LaneFullException extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    LaneFullException(String lane, int waiting) {
        super("lane " + lane + " is full: " + waiting + " works wait");
    }
}

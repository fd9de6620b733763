package io.backhaul.mastertarget;

import io.backhaul.protocol.Position;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/** How an operator names a recovery point. */
public sealed interface PointName {
    /** The newest point. */
    record Latest() implements PointName {}

    /** This very position. */
    record At(Position position) implements PointName {}

    /** The newest point that is not later. */
    record When(long timeMicros) implements PointName {}

    /** The newest mark of that label. */
    record Label(String label) implements PointName {}

    /**
     * Reads {@code latest}, {@code GENERATION:SEQUENCE}, a time such as {@code 2026-11-23T10:15:30Z}, or, as anything else,
     * a mark's label.
     */
    static PointName parse(String text) {
        if (text.equals("latest")) {
            return new Latest();
        }
        if (text.matches("\\d{1,18}:\\d{1,18}")) {
            return new At(Position.parse(text));
        }
        try {
            Instant instant = Instant.parse(text);
            return new When(Math.addExact(Math.multiplyExact(instant.getEpochSecond(), 1_000_000L),
                    instant.getNano() / 1000));
        } catch (DateTimeParseException | ArithmeticException noTime) {
            return new Label(text);
        }
    }
}

package io.backhaul.mastertarget;

import io.backhaul.protocol.Position;
import java.util.LinkedHashMap;
import java.util.Map;

/** What open views need. Owned by the machine's loop. */
final class Pins {
    /** A view at {@code position} that was opened when the base stood at {@code base}. */
    record Pin(Position position, Position base, String holder) {}

    private final Map<Integer, Pin> pins = new LinkedHashMap<>();
    private int lastNumber;

    int add(Pin pin) {
        pins.put(++lastNumber, pin);
        return lastNumber;
    }

    void remove(int number) {
        pins.remove(number);
    }

    Map<Integer, Pin> all() {
        return pins;
    }

    /** How far the base disks may be folded at most, towards {@code wanted}. */
    Position foldLimit(Position wanted) {
        Position limit = wanted;
        for (Pin pin : pins.values()) {
            limit = limit.min(pin.position());
        }
        return limit;
    }

    /** How far the journal may be trimmed at most, towards {@code wanted}. */
    Position trimLimit(Position wanted) {
        Position limit = wanted;
        for (Pin pin : pins.values()) {
            limit = limit.min(pin.base());
        }
        return limit;
    }
}

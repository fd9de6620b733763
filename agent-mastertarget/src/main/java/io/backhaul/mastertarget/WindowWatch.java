package io.backhaul.mastertarget;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.mastertarget.MachineStatus.Window;
import io.backhaul.protocol.FaultCode;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.UUID;

/**
 * Warns for as long as a machine's points reach less far back than they are to, though there were older ones: because
 * the journal may not be longer, or its volume has no room. Looks on the machine's loop; may be asked from any thread.
 */
final class WindowWatch {
    /** A window that is as good as long enough is no warning. */
    private static final double TOLERANCE = 0.95;
    /** What is said is said again when it has changed by so much. */
    private static final double NEWS = 0.1;

    private final String subject;
    private final FaultLog faults;
    private volatile boolean isShort;
    private long toldMicros;

    WindowWatch(UUID machine, FaultLog faults) {
        this.subject = "window of " + machine;
        this.faults = faults;
    }

    /** Whether the warning stands. */
    boolean isShort() {
        return isShort;
    }

    void look(MachineStatus status) {
        Window window = status.window();
        if (!window.cut() || window.reachMicros() >= window.askedMicros()) {
            if (isShort) {
                isShort = false;
                faults.clear(FaultCode.WINDOW_SHORT, subject);
            }
            return;
        }
        boolean begins = !isShort && window.reachMicros() < window.askedMicros() * TOLERANCE;
        boolean changed = isShort && Math.abs(window.reachMicros() - toldMicros) > toldMicros * NEWS;
        if (begins || changed) {
            isShort = true;
            toldMicros = window.reachMicros();
            faults.report(FaultCode.WINDOW_SHORT, subject, said(status));
        }
    }

    private static String said(MachineStatus status) {
        Window window = status.window();
        String why = status.retainedBytes() >= window.allowedBytes() / 4 * 3
                ? "retention.bytes, " + Room.shown(window.allowedBytes()) + ", allows no more"
                : "its volume had no room for more than " + Room.shown(status.retainedBytes());
        return "points reach " + shown(window.reachMicros()) + " back, from " + time(window.oldestMicros()) + " to "
                + time(window.newestMicros()) + "; retention.time asks for " + shown(window.askedMicros()) + ", but "
                + why;
    }

    private static String shown(long micros) {
        Duration rounded = Duration.ofSeconds(micros / 1_000_000);
        return rounded.toString().substring(2).toLowerCase(Locale.ROOT);
    }

    private static Instant time(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS).truncatedTo(ChronoUnit.SECONDS);
    }
}

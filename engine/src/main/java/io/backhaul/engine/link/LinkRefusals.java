package io.backhaul.engine.link;

import io.backhaul.engine.fault.FaultLog;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/** Counts refused links by cause. One kind of fault for each cause: a scanner must not fill the log. Safe from any thread. */
final class LinkRefusals {
    private final FaultLog faults;
    private final Map<RefusalCause, LongAdder> counts = new EnumMap<>(RefusalCause.class);

    LinkRefusals(FaultLog faults) {
        this.faults = faults;
        for (RefusalCause cause : RefusalCause.values()) {
            counts.put(cause, new LongAdder());
        }
    }

    void count(RefusalCause cause, String from, String detail) {
        LongAdder count = counts.get(cause);
        if (count != null) {
            count.increment();
        }
        faults.report(cause.code(), "incoming links: " + cause.label(),
                "refused " + from + ": " + cause.words() + " (" + detail + ")");
    }

    Map<String, Long> counts() {
        Map<String, Long> byLabel = new TreeMap<>();
        counts.forEach((cause, count) -> byLabel.put(cause.label(), count.sum()));
        return byLabel;
    }
}

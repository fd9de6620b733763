package io.backhaul.engine.fault;

import io.backhaul.engine.time.Clock;
import io.backhaul.protocol.FaultCode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The faults of a daemon. The first of a kind is logged, with its remedy; repeats are counted, and logged again once in
 * {@value #REMINDER_SECONDS} seconds; whatever knocks under ever new names gets {@value #MAX_LINES_PER_CODE} lines for
 * each code in that time, and is counted beyond. A kind is a code and a subject, such as a peer or a file. Holds
 * {@value #MAX_KINDS} kinds at most; the one unseen for longest makes room. Safe for all threads.
 */
public final class FaultLog {
    private static final Logger LOG = LoggerFactory.getLogger(FaultLog.class);
    private static final int MAX_KINDS = 256;
    private static final long REMINDER_SECONDS = 600;
    private static final int MAX_LINES_PER_CODE = 32;

    private final Clock clock;
    private final Map<Kind, Entry> kinds = new LinkedHashMap<>();
    private final Map<FaultCode, Long> totals = new LinkedHashMap<>();
    private final Map<FaultCode, Integer> lines = new LinkedHashMap<>();
    private long linesSinceNanos;

    private record Kind(FaultCode code, String subject) {}

    /** What is known of one kind of fault. Guarded by the log. */
    private static final class Entry {
        private final long firstMicros;
        private String text;
        private long lastMicros;
        private long count;
        private long loggedNanos;
        private boolean cleared;

        Entry(long firstMicros, String text, long loggedNanos) {
            this.firstMicros = firstMicros;
            this.text = text;
            this.loggedNanos = loggedNanos;
        }
    }

    /**
     * A kind of fault as status shows it.
     *
     * @param subject
     *            whom or what it is about
     * @param text
     *            what happened the last time
     * @param count
     *            how often, so far
     * @param standing
     *            whether it has not been cleared since
     */
    public record Fault(FaultCode code, String subject, String text, long count, long firstMicros, long lastMicros,
            boolean standing) {
        /** The form that control sockets answer. */
        public Map<String, Object> asMap() {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("code", code.label());
            map.put("name", code.name());
            map.put("grade", code.grade().name());
            map.put("subject", subject);
            map.put("text", text);
            map.put("remedy", code.remedy());
            map.put("count", count);
            map.put("firstMicros", firstMicros);
            map.put("lastMicros", lastMicros);
            map.put("standing", standing);
            return map;
        }
    }

    public FaultLog(Clock clock) {
        this.clock = clock;
        this.linesSinceNanos = clock.nanos();
    }

    /**
     * Notes a fault.
     *
     * @param subject
     *            whom or what it is about: a peer, a machine, a file; repeats are counted per code and subject
     * @param text
     *            what happened, one line
     */
    public void report(FaultCode code, String subject, String text) {
        long count = noted(code, subject, text);
        if (count > 0) {
            write(code, subject, count == 1 ? text : text + " (" + count + " times so far)");
        }
    }

    /** Notes that what was reported about {@code subject} is over; status then shows it as past. */
    public synchronized void clear(FaultCode code, String subject) {
        Entry entry = kinds.get(new Kind(code, subject));
        if (entry != null && !entry.cleared) {
            entry.cleared = true;
            LOG.info("{} {}: {}: over", code.label(), code, subject);
        }
    }

    /** How often it has happened where that is to be logged now, otherwise 0. */
    private synchronized long noted(FaultCode code, String subject, String text) {
        totals.merge(code, 1L, Long::sum);
        var kind = new Kind(code, subject);
        Entry entry = kinds.remove(kind);
        boolean isNew = entry == null;
        if (entry == null) {
            entry = new Entry(clock.wallMicros(), text, clock.nanos());
        }
        if (kinds.size() >= MAX_KINDS) {
            kinds.remove(kinds.keySet().iterator().next());
        }
        kinds.put(kind, entry);
        boolean isDue = isNew || clock.nanos() - entry.loggedNanos >= REMINDER_SECONDS * 1_000_000_000L;
        isDue = isDue && isRoom(code);
        entry.loggedNanos = isDue ? clock.nanos() : entry.loggedNanos;
        entry.text = text;
        entry.lastMicros = clock.wallMicros();
        entry.cleared = false;
        entry.count++;
        return isDue ? entry.count : 0;
    }

    private boolean isRoom(FaultCode code) {
        if (clock.nanos() - linesSinceNanos >= REMINDER_SECONDS * 1_000_000_000L) {
            linesSinceNanos = clock.nanos();
            lines.clear();
        }
        return lines.merge(code, 1, Integer::sum) <= MAX_LINES_PER_CODE;
    }

    private static void write(FaultCode code, String subject, String text) {
        String line = "%s %s: %s: %s. %s".formatted(code.label(), code, subject, text, code.remedy());
        switch (code.grade()) {
            case WARN -> LOG.warn(line);
            case ERROR, FATAL -> LOG.error(line);
        }
    }

    /** All kinds held, the latest first. */
    public synchronized List<Fault> recent() {
        List<Fault> faults = new ArrayList<>();
        kinds.forEach((kind, entry) -> faults.add(new Fault(kind.code, kind.subject, entry.text, entry.count,
                entry.firstMicros, entry.lastMicros, !entry.cleared)));
        faults.sort(Comparator.comparingLong(Fault::lastMicros).reversed());
        return List.copyOf(faults);
    }

    /** How often a code has been reported since the start. */
    public synchronized long total(FaultCode code) {
        return totals.getOrDefault(code, 0L);
    }
}

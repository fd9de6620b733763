package io.backhaul.simulation.world;

import java.io.IOException;
import java.util.EnumMap;
import java.util.Map;

/** What is wrong with a store just now: errors that come once or for a while. */
public final class Trouble {
    private final Scheduler scheduler;
    private final Tally tally;
    private final Map<Kind, Spell> spells = new EnumMap<>(Kind.class);

    /** Which operations fail. */
    public enum Kind {
        READ, WRITE, SYNC, FOLDER
    }

    private static final class Spell {
        private long untilNanos;
        private int times;
    }

    Trouble(Scheduler scheduler, Tally tally) {
        this.scheduler = scheduler;
        this.tally = tally;
    }

    /** The next so many operations of the kind fail. */
    public void failTimes(Kind kind, int times) {
        spell(kind).times = times;
    }

    /** All operations of the kind fail for a while. */
    public void failFor(Kind kind, long nanos) {
        spell(kind).untilNanos = scheduler.nanos() + nanos;
    }

    /** Everything works again. */
    public void end() {
        spells.clear();
    }

    private Spell spell(Kind kind) {
        return spells.computeIfAbsent(kind, any -> new Spell());
    }

    boolean strikes(Kind kind) {
        Spell spell = spells.get(kind);
        if (spell == null) {
            return false;
        }
        if (spell.times > 0) {
            spell.times--;
        } else if (scheduler.nanos() >= spell.untilNanos) {
            return false;
        }
        tally.count("disk error: " + kind.name().toLowerCase(java.util.Locale.ROOT));
        return true;
    }

    void check(Kind kind, String what) throws IOException {
        if (strikes(kind)) {
            throw new IOException(what + ": Input/output error");
        }
    }
}

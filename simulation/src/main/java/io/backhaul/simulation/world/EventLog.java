package io.backhaul.simulation.world;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What happened, in order. Two runs of one seed must agree on {@link #hash} after every event; the readable lines are made
 * only for who wants to read them.
 */
public final class EventLog {
    private final @Nullable Reader reader;
    private long hash = 1;
    private long entries;

    /** Who reads along. */
    @FunctionalInterface
    public interface Reader {
        void line(long nanos, String who, String what);
    }

    /** A log that only hashes. */
    public EventLog() {
        this(null);
    }

    public EventLog(@Nullable Reader reader) {
        this.reader = reader;
    }

    /** Whether somebody reads along. */
    public boolean isRead() {
        return reader != null;
    }

    /** Takes an event into the hash. */
    public void mix(long nanos, long value) {
        hash = Dice.mix(hash * 31 + nanos) ^ Dice.mix(value);
        entries++;
    }

    /** Takes a text into the hash, and shows it. */
    public void say(long nanos, String who, String what) {
        mix(nanos, (long) who.hashCode() << 32 ^ what.hashCode());
        show(nanos, who, () -> what);
    }

    /** Shows a text that is not part of the hash. */
    public void show(long nanos, String who, Supplier<String> what) {
        if (reader != null) {
            reader.line(nanos, who, what.get());
        }
    }

    public long hash() {
        return hash;
    }

    public long entries() {
        return entries;
    }
}

package io.backhaul.protocol;

/**
 * A place in a machine's change stream; each is one crash-consistent state of the whole machine. Positions order by
 * generation, then by sequence.
 *
 * @param generation
 *            the stretch of unbroken continuity, from 1; 0 only in {@link #NONE}
 * @param sequence
 *            the number of the last record included, from 1; 0 means "before the first record of this generation"
 */
public record Position(long generation, long sequence) implements Comparable<Position> {
    /** Before everything. */
    public static final Position NONE = new Position(0, 0);

    public Position {
        if (generation < 0 || sequence < 0) {
            throw new IllegalArgumentException("negative position " + generation + ":" + sequence);
        }
    }

    /**
     * Reads the form that {@link #toString} writes.
     *
     * @throws IllegalArgumentException
     *             where the text is not {@code GENERATION:SEQUENCE}
     */
    public static Position parse(String text) {
        int colon = text.indexOf(':');
        if (colon < 1) {
            throw new IllegalArgumentException("a position is GENERATION:SEQUENCE, not '" + text + "'");
        }
        return new Position(Long.parseLong(text, 0, colon, 10), Long.parseLong(text, colon + 1, text.length(), 10));
    }

    @Override
    public int compareTo(Position other) {
        int byGeneration = Long.compare(generation, other.generation);
        return byGeneration != 0 ? byGeneration : Long.compare(sequence, other.sequence);
    }

    public boolean isAtLeast(Position other) {
        return compareTo(other) >= 0;
    }

    public boolean isBefore(Position other) {
        return compareTo(other) < 0;
    }

    public Position max(Position other) {
        return isAtLeast(other) ? this : other;
    }

    public Position min(Position other) {
        return isAtLeast(other) ? other : this;
    }

    /** The position {@code records} records further on in the same generation. */
    public Position plus(long records) {
        return new Position(generation, sequence + records);
    }

    @Override
    public String toString() {
        return generation + ":" + sequence;
    }
}

package io.backhaul.mastertarget;

/**
 * How large parts of a journal's index may become.
 *
 * @param unitExtents
 *            a unit that holds so many extents is sealed
 * @param memoryBytes
 *            how much of a machine's index is kept in memory: half for pages of runs, half for units that no run holds yet;
 *            the unit that is still written comes on top
 */
public record IndexLimits(int unitExtents, long memoryBytes) {
    /** What a daemon uses unless told otherwise. */
    public static final IndexLimits DEFAULT = new IndexLimits(65_536, 32L << 20);

    public IndexLimits {
        if (unitExtents < 1 || memoryBytes < 0) {
            throw new IllegalArgumentException("units of " + unitExtents + " extents, " + memoryBytes + " bytes");
        }
    }

    long cacheBytes() {
        return memoryBytes / 2;
    }

    long tableBytes() {
        return memoryBytes / 2;
    }
}

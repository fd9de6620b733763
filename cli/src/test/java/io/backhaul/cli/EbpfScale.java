package io.backhaul.cli;

/**
 * How much is done.
 *
 * @param loadMillis
 *            how long the loads run before the positions are judged
 * @param marks
 *            taken under freeze, each with a copy
 * @param positions
 *            drawn at random and judged
 * @param kills
 *            of the agent
 */
record EbpfScale(long loadMillis, int marks, int positions, int kills) {
    static final EbpfScale SHORT = new EbpfScale(4_000, 2, 4, 2);
    static final EbpfScale LONG = new EbpfScale(40_000, 12, 200, 50);
}

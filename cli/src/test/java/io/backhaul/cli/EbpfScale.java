package io.backhaul.cli;

/**
 * How much is done.
 *
 * @param kibPerSecond
 *            what each of fio's jobs writes, three to a file system, besides what the file trees and the database write
 * @param loadMillis
 *            how long the loads run before the positions are judged
 * @param marks
 *            taken under freeze, each with a copy
 * @param positions
 *            drawn at random and judged
 * @param kills
 *            of the agent
 */
record EbpfScale(int kibPerSecond, long loadMillis, int marks, int positions, int kills) {
    static final EbpfScale SHORT = new EbpfScale(768, 3_000, 2, 4, 2);
    static final EbpfScale LONG = new EbpfScale(2048, 40_000, 12, 200, 50);
}

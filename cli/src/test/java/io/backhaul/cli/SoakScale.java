package io.backhaul.cli;

/**
 * How much is done.
 *
 * @param seconds
 *            how long the parts are maltreated
 * @param positions
 *            drawn at random and compared with what was written, at the end
 */
record SoakScale(long seconds, int positions) {
    static final SoakScale SHORT = new SoakScale(15, 12);
    static final SoakScale LONG = new SoakScale(20 * 60, 200);
}

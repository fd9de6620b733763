package io.backhaul.cli;

/**
 * How much is done.
 *
 * @param seconds
 *            how long each load is looked at
 * @param isJudged
 *            whether a figure beyond its bound fails
 */
record RpoScale(int seconds, boolean isJudged) {
    static final RpoScale TINY = new RpoScale(2, false);
    static final RpoScale SHORT = new RpoScale(6, true);
    static final RpoScale LONG = new RpoScale(40, true);
}

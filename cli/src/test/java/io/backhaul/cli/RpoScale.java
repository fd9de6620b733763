package io.backhaul.cli;

/**
 * How much is done.
 *
 * @param warmSeconds
 *            how long each load has gone on before
 * @param seconds
 *            how long each load is looked at
 * @param isJudged
 *            whether a figure beyond its bound fails
 */
record RpoScale(int warmSeconds, int seconds, boolean isJudged) {
    static final RpoScale TINY = new RpoScale(1, 2, false);
    static final RpoScale SHORT = new RpoScale(4, 6, true);
    static final RpoScale LONG = new RpoScale(40, 40, true);
}

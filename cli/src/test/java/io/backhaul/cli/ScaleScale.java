package io.backhaul.cli;

/**
 * How much is done.
 *
 * @param floodSeconds
 *            how long one sends as much as it can
 * @param awaySeconds
 *            how long a master target is away
 * @param showsHeap
 *            whether it says what the process server's heap holds
 */
record ScaleScale(int sources, int floodSeconds, int awaySeconds, boolean showsHeap) {
    static final ScaleScale SHORT = new ScaleScale(200, 5, 6, false);
    static final ScaleScale LONG = new ScaleScale(2000, 20, 20, false);
}

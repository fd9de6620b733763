package io.backhaul.cli;

/**
 * How much is done.
 *
 * @param diskBytes
 *            of the one disk, all of it random
 * @param kills
 *            while disks are compared, of the source and of the master target in turn
 * @param killsFactor
 *            how many times the bytes of an undisturbed comparison may be moved through them; a small disk is compared in
 *            about the time after which a comparison can go on where it was
 */
record ResyncScale(long diskBytes, int kills, double killsFactor) {
    static final ResyncScale SHORT = new ResyncScale(256L << 20, 4, 1.5);
    static final ResyncScale LONG = new ResyncScale(10L << 30, 20, 1.05);
}

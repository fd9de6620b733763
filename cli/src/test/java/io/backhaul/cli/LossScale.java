package io.backhaul.cli;

/**
 * How much is done.
 *
 * @param diskBytes
 *            of the one disk, most of it holes
 * @param undeliveredBytes
 *            in the spool when it is lost
 */
record LossScale(long diskBytes, long undeliveredBytes) {
    static final LossScale SHORT = new LossScale(1L << 30, 48L << 20);
    static final LossScale LONG = new LossScale(20L << 30, 1L << 30);
}

package io.backhaul.blockio.nbd;

/**
 * What the handshake of a connection came to.
 *
 * @param structured true if replies to reads are structured
 * @param allocation true if the context base:allocation was chosen for this export
 */
record NegotiatedSession(Export export, NbdSocket socket, NbdInput input, boolean structured, boolean allocation) {}

package io.backhaul.blockio.nbd;

/**
 * What a server said of the export in the handshake.
 *
 * @param flags               the transmission flags
 * @param structured          true if reads are answered in chunks
 * @param allocationContextId the id of base:allocation; -1 if there is none
 * @param minimumBlockBytes   what offsets and lengths must be multiples of
 * @param maximumPayloadBytes what one read or write may be long
 */
record ClientSession(NbdSocket socket, NbdInput input, long sizeBytes, int flags, boolean structured,
        long allocationContextId,
        int minimumBlockBytes, int maximumPayloadBytes) {
    static final long NO_CONTEXT = -1;

    boolean can(int flag) {
        return (flags & flag) != 0;
    }
}

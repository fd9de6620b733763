package io.backhaul.processserver;

import io.backhaul.engine.stream.HopTiming;
import io.backhaul.protocol.Limits;

/**
 * The bounds that a relay keeps.
 *
 * @param creditBytes
 *            what one source may send ahead of its frames' release: the most that a machine may take
 * @param memoryBytes
 *            what the frames of all machines may take; where it is short, whoever takes much is held back
 * @param machineSpoolBytes
 *            what one machine's spool may take
 * @param totalSpoolBytes
 *            what all spools together may take
 * @param segmentBytes
 *            the length of a spool's segments
 * @param timing
 *            of both hops
 */
public record RelayLimits(long creditBytes, long memoryBytes, long machineSpoolBytes, long totalSpoolBytes,
        int segmentBytes, HopTiming timing) {
    public RelayLimits {
        if (creditBytes < 2L * Limits.MAX_FRAME_BYTES || memoryBytes < creditBytes) {
            throw new IllegalArgumentException("credit of " + creditBytes + " bytes within " + memoryBytes
                    + "; a source needs twice the largest frame, " + 2L * Limits.MAX_FRAME_BYTES);
        }
    }

    /** Bytes of frames that are kept in memory for the target after they are durable. */
    long retainBytes() {
        return creditBytes / 2;
    }
}

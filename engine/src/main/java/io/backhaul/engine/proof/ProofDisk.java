package io.backhaul.engine.proof;

import io.backhaul.protocol.DiskInfo;

/**
 * What a proof says of one disk.
 *
 * @param unprovedBytes
 *            of chunks that had been overwritten before they could be read
 * @param root
 *            of the tree of digests, in hexadecimal digits
 */
public record ProofDisk(DiskInfo info, long unprovedBytes, String root) {
    /** What of the disk is vouched for. */
    public long provedBytes() {
        return info.sizeBytes() - unprovedBytes;
    }
}

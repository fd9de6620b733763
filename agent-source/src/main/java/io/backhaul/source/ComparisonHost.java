package io.backhaul.source;

import io.backhaul.protocol.DigestRequest;
import java.io.IOException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What serves whoever compares disks with the replica: the link to it, and what the capture knows. On the loop but for the
 * barrier.
 */
interface ComparisonHost {
    /** Sends a request for digests; false where there is no link. */
    boolean ask(DigestRequest request);

    /** Returns when every write that the disks have taken so far is in the stream. On the reader's lane. */
    void barrier() throws IOException;

    /** What knows which writes a read has seen. */
    Observation observation();

    /** The replica that the disks have been compared with, once that is durably known; null before. */
    @Nullable
    UUID comparedWith();

    /** A stretch could not be read; it is tried again later. */
    void unreadable(int disk, DirtyMap.Stretch stretch, String why);
}

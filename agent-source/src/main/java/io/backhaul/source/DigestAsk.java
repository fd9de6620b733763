package io.backhaul.source;

import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Limits;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A request for digests of one disk, and its answer once that has come. Owned by the loop. */
final class DigestAsk {
    private final int disk;
    private final int chunkBytes;
    private final List<DigestRequest.Run> runs;
    private final int chunks;
    private int requestId;
    private boolean asked;
    private long askedNanos;
    private @Nullable Digests answer;

    DigestAsk(int disk, int chunkBytes, List<DigestRequest.Run> runs) {
        this.disk = disk;
        this.chunkBytes = chunkBytes;
        this.runs = runs;
        this.chunks = runs.stream().mapToInt(DigestRequest.Run::chunks).sum();
    }

    int disk() {
        return disk;
    }

    int chunkBytes() {
        return chunkBytes;
    }

    List<DigestRequest.Run> runs() {
        return runs;
    }

    /** It is on its way, or was lost. */
    void asked(int id, long nowNanos, boolean sent) {
        requestId = id;
        askedNanos = nowNanos;
        asked = sent;
    }

    /** Whether it has no answer yet. */
    boolean isWaiting() {
        return answer == null;
    }

    /** Whether it has no answer, and none is on its way. */
    boolean isUnasked() {
        return answer == null && !asked;
    }

    boolean isSilentFor(long nanos, long nowNanos) {
        return asked && answer == null && nowNanos - askedNanos > nanos;
    }

    /** The link that it went over has gone. */
    void lost() {
        asked = false;
    }

    boolean isAnsweredBy(Digests digests) {
        return asked && answer == null && requestId == digests.requestId() && disk == digests.disk();
    }

    /** Keeps the answer; false where it is of no use, so that the request is to be repeated. */
    boolean take(Digests digests) {
        asked = false;
        boolean usable = switch (digests.status()) {
            case SOME -> digests.digests().remaining() == chunks * Limits.DIGEST_BYTES;
            case ALL_ZERO -> true;
            case UNAVAILABLE, NOT_FOUND -> false;
        };
        if (usable) {
            answer = digests;
        }
        return usable;
    }

    @Nullable
    Digests answer() {
        return answer;
    }
}

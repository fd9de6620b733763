package io.backhaul.simulation;

import io.backhaul.engine.proof.ChunkDigests;
import io.backhaul.engine.proof.ProofReader;
import io.backhaul.protocol.ContentDigest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Compares the digests of a proof with what disks held in one state after another. */
final class ProvedChunks {
    private static final int SECTORS = ChunkDigests.CHUNK_BYTES / SectorContent.SECTOR_BYTES;

    private final ProofReader proof;
    private final List<Long> sizes;
    private final Contents contents;
    private final ContentDigest digest = new ContentDigest();
    /** Digests that were made, by what does not change between two states. */
    private final Map<Version, ByteBuffer> known = new HashMap<>();
    private String lastMismatch = "";

    /** What a sector held in a state, and since which. */
    record Held(int since, long id) {}

    /** Knows what sectors held. */
    interface Contents {
        Held at(int disk, int sector, int state);
    }

    /** A chunk since the state that changed it last. */
    private record Version(int disk, long chunk, int since) {}

    ProvedChunks(ProofReader proof, List<Long> sizes, Contents contents) {
        this.proof = proof;
        this.sizes = sizes;
        this.contents = contents;
    }

    /** Whether all that is vouched for is what the disks held in a state. */
    boolean areOf(int state) throws IOException {
        for (int disk = 0; disk < sizes.size(); disk++) {
            for (long chunk = 0; chunk * ChunkDigests.CHUNK_BYTES < sizes.get(disk); chunk++) {
                ByteBuffer said = proof.digest(disk, chunk);
                if (!said.equals(ChunkDigests.unproved()) && !said.equals(digest(disk, chunk, state))) {
                    lastMismatch = "in state " + state + " not in chunk " + chunk + " of disk " + disk;
                    return false;
                }
            }
        }
        return true;
    }

    /** Where the last state that was looked at differs. */
    String lastMismatch() {
        return lastMismatch;
    }

    private ByteBuffer digest(int disk, long chunk, int state) {
        int first = (int) (chunk * SECTORS);
        int sectors = (int) Math.min(SECTORS, sizes.get(disk) / SectorContent.SECTOR_BYTES - first);
        ByteBuffer bytes = ByteBuffer.allocate(sectors * SectorContent.SECTOR_BYTES);
        int since = 0;
        long[] ids = new long[sectors];
        for (int i = 0; i < sectors; i++) {
            Held held = contents.at(disk, first + i, state);
            since = Math.max(since, held.since());
            ids[i] = held.id();
        }
        return known.computeIfAbsent(new Version(disk, chunk, since), version -> {
            for (long id : ids) {
                SectorContent.expand(id, bytes);
            }
            return digest.of(bytes.flip());
        });
    }
}

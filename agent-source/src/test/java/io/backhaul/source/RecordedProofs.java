package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.MemoryDevice;
import io.backhaul.engine.proof.ChunkDigests;
import io.backhaul.engine.proof.ProofHeader;
import io.backhaul.engine.proof.ProofReader;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Proofs that are asked for, and what an oracle says of each: whatever is proved is exactly what the disks held at the mark, by the
 * records in front of it.
 */
final class RecordedProofs {
    private final Map<Position, List<byte[]>> atMarks = new TreeMap<>();
    final MemoryVolume volume = new MemoryVolume();
    final List<String> failures = new ArrayList<>();
    final List<ProofHeader> recorded = new ArrayList<>();
    @Nullable
    Position marked;
    private int asked;

    /** A mark has been journaled, and this is what the disks held there. */
    void journaled(Position position, List<byte[]> disks) {
        List<byte[]> copies = disks.stream().map(byte[]::clone).toList();
        atMarks.put(position, copies);
    }

    /** Asks for a proof; what comes of it is checked when it comes. */
    void ask(SourceMachine machine) {
        String name = "proof-" + asked++;
        marked = null;
        machine.prove(new ProofRequest("label " + name, volume, name), new SourceMachine.ProofAnswer() {
            @Override
            public void marked(Position position) {
                marked = position;
            }

            @Override
            public void done(ProofHeader header) {
                recorded.add(header);
                check(name, header);
            }

            @Override
            public void failed(String why) {
                failures.add(why);
            }
        });
    }

    boolean areAllAnswered() {
        return recorded.size() + failures.size() == asked;
    }

    private void check(String name, ProofHeader header) {
        List<byte[]> truth = atMarks.get(header.position());
        assertThat(truth).as("the mark at %s has been journaled", header.position()).isNotNull();
        try (ProofReader reader = ProofReader.open(volume, name)) {
            assertThat(reader.header()).isEqualTo(header);
            long unproved = 0;
            for (int disk = 0; disk < truth.size(); disk++) {
                unproved += check(reader, disk, truth.get(disk));
            }
            assertThat(unproved).isEqualTo(header.unprovedBytes());
        } catch (IOException wrong) {
            throw new AssertionError(wrong);
        }
    }

    private static long check(ProofReader reader, int disk, byte[] truth) throws IOException {
        MemoryDevice device = new MemoryDevice(truth.length);
        device.write(0, ByteBuffer.wrap(truth));
        ChunkDigests digests = new ChunkDigests();
        long unproved = 0;
        for (int at = 0; at < truth.length; at += ChunkDigests.CHUNK_BYTES) {
            int length = Math.min(ChunkDigests.CHUNK_BYTES, truth.length - at);
            ByteBuffer said = reader.digest(disk, at / ChunkDigests.CHUNK_BYTES);
            if (said.equals(ChunkDigests.unproved())) {
                unproved += length;
            } else {
                assertThat(said).as("disk %d at %d, for the mark at %s", disk, at, reader.header().position())
                        .isEqualTo(digests.of(device, at, length).limit(Limits.DIGEST_BYTES));
            }
        }
        return unproved;
    }
}

package io.backhaul.engine.proof;

import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.protocol.ContentDigest;
import io.backhaul.protocol.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Reads a proof file, and believes none of it before it has been compared with what stands above it: pages with their digest in
 * the page above, the last one with the header, the header with its own root. Keeps one page of each level. Used by one thread
 * at a time.
 */
public final class ProofReader implements AutoCloseable {
    private final String name;
    private final StoredFile file;
    private final ProofHeader header;
    private final List<ProofTree> trees;
    private final List<Page> kept = new ArrayList<>();
    private final MessageDigest sha256 = ContentDigest.sha256();

    /** A page that has been found to be right. */
    private record Page(int disk, long number, ByteBuffer bytes) {
        boolean is(int ofDisk, long atNumber) {
            return disk == ofDisk && number == atNumber;
        }
    }

    private ProofReader(String name, StoredFile file, ProofHeader header) {
        this.name = name;
        this.file = file;
        this.header = header;
        this.trees = ProofHeader.trees(header.infos());
    }

    /**
     * Opens a file.
     *
     * @throws ProofException
     *             where it is no proof, or a damaged one, or of another version
     */
    public static ProofReader open(Path path) throws IOException {
        return open(DirectoryVolume.openToRead(path), path.toString());
    }

    /** The same, of a file of a volume. */
    public static ProofReader open(Volume volume, String name) throws IOException {
        return open(volume.open(name), name);
    }

    private static ProofReader open(StoredFile file, String name) throws IOException {
        try {
            ByteBuffer first = ByteBuffer.allocate(ProofTree.PAGE_BYTES);
            file.fill(0, first);
            int length = ProofHeader.lengthOf(first.flip(), name);
            ByteBuffer whole = ByteBuffer.allocate(length);
            file.fill(0, whole);
            if (whole.hasRemaining()) {
                throw ProofException.corrupt(name, "it ends within its header");
            }
            ProofReader reader = new ProofReader(name, file, ProofHeader.decode(whole.flip(), name));
            long end = reader.trees.getLast().end();
            if (file.length() != end) {
                throw ProofException.corrupt(name, "it has " + file.length() + " bytes, and should have " + end);
            }
            return reader;
        } catch (IOException | RuntimeException wrong) {
            file.close();
            throw wrong;
        }
    }

    public ProofHeader header() {
        return header;
    }

    /** A stretch of a disk that nothing is said of. */
    public interface Unproved {
        void extent(int disk, long offset, long lengthBytes);
    }

    /**
     * Reads all of it, and tells what is not proved.
     *
     * @throws ProofException
     *             where anything is damaged
     */
    public void readAll(Unproved unproved) throws IOException {
        for (int disk = 0; disk < trees.size(); disk++) {
            long size = header.disks().get(disk).info().sizeBytes();
            for (long chunk = 0; chunk < ProofTree.chunks(size); chunk++) {
                if (digest(disk, chunk).equals(ChunkDigests.unproved())) {
                    long offset = chunk * ProofTree.CHUNK_BYTES;
                    unproved.extent(disk, offset, Math.min(ProofTree.CHUNK_BYTES, size - offset));
                }
            }
        }
    }

    /** The digest of a chunk, or {@link ChunkDigests#unproved}. */
    public ByteBuffer digest(int disk, long chunk) throws IOException {
        ByteBuffer leaves = page(disk, 0, chunk / ProofTree.LEAVES);
        return leaves.slice((int) (chunk % ProofTree.LEAVES) * Limits.DIGEST_BYTES, Limits.DIGEST_BYTES);
    }

    private ByteBuffer page(int disk, int level, long number) throws IOException {
        while (kept.size() <= level) {
            kept.add(new Page(-1, 0, ByteBuffer.allocate(0)));
        }
        if (kept.get(level).is(disk, number)) {
            return kept.get(level).bytes();
        }
        ProofTree tree = trees.get(disk);
        byte[] expected = new byte[ProofTree.NODE_BYTES];
        if (level == tree.top()) {
            expected = HexFormat.of().parseHex(header.disks().get(disk).root());
        } else {
            page(disk, level + 1, number / ProofTree.NODES)
                    .get((int) (number % ProofTree.NODES) * ProofTree.NODE_BYTES, expected);
        }
        ByteBuffer bytes = ByteBuffer.allocate(ProofTree.PAGE_BYTES);
        file.fill(tree.offset(level, number), bytes);
        sha256.update(bytes.flip());
        if (!MessageDigest.isEqual(expected, sha256.digest())) {
            throw ProofException.corrupt(name, "it is damaged at " + tree.offset(level, number));
        }
        kept.set(level, new Page(disk, number, bytes.flip()));
        return kept.get(level).bytes();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}

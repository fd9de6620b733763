package io.backhaul.engine.proof;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.protocol.ContentDigest;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;

/**
 * Makes a proof file: digests in any order, as often as they are found; then the tree over them; then the header, and with it
 * the file's name. Before that it has another name, and nobody takes it for a proof. Keeps a few pages in memory, whatever the
 * disks' size. Used by one thread at a time.
 */
public final class ProofWriter implements AutoCloseable {
    private static final String UNFINISHED = ".new";

    private final Volume volume;
    private final String name;
    private final List<DiskInfo> disks;
    private final List<ProofTree> trees;
    private final StoredFile file;
    private final List<ProofDisk> built = new ArrayList<>();
    private final MessageDigest sha256 = ContentDigest.sha256();
    private final ByteBuffer below = ByteBuffer.allocate(ProofTree.NODES * ProofTree.PAGE_BYTES);
    private int level;
    private long page;
    private long unprovedBytes;
    /** The name by which the file must not stay, as it is not complete; empty once it may. */
    private String present;

    private ProofWriter(Volume volume, String name, List<DiskInfo> disks, StoredFile file) {
        this.volume = volume;
        this.name = name;
        this.disks = List.copyOf(disks);
        this.trees = ProofHeader.trees(disks);
        this.file = file;
        this.present = name + UNFINISHED;
    }

    /**
     * Begins a file in which every digest is that of zeroes.
     *
     * @throws IOException
     *             where there is a file of that name, or none can be made
     */
    public static ProofWriter create(Volume volume, String name, List<DiskInfo> disks) throws IOException {
        if (volume.exists(name)) {
            throw new IOException(name + " exists in " + volume.describe() + ": name another file, or remove it");
        }
        String unfinished = name + UNFINISHED;
        if (volume.exists(unfinished)) {
            volume.delete(unfinished);
        }
        StoredFile file = volume.create(unfinished);
        ProofWriter writer = new ProofWriter(volume, name, disks, file);
        try {
            file.truncate(writer.trees.getLast().end());
            return writer;
        } catch (IOException failed) {
            writer.close();
            throw failed;
        }
    }

    /** Digests of chunks that follow each other, or {@link ChunkDigests#unproved}; what was there before is forgotten. */
    public void put(int disk, long firstChunk, ByteBuffer digests) throws IOException {
        if (!built.isEmpty() || level > 0 || page > 0) {
            throw new IllegalStateException("the tree is being made already");
        }
        file.write(trees.get(disk).offset(0, 0) + firstChunk * Limits.DIGEST_BYTES, digests);
    }

    /** Makes the next page of the tree; false where it is complete. */
    public boolean buildOn() throws IOException {
        if (built.size() == disks.size()) {
            return false;
        }
        ProofTree tree = trees.get(built.size());
        int pages = (int) Math.min(ProofTree.NODES, tree.pages().get(level) - page);
        file.fill(tree.offset(level, page), below.clear().limit(pages * ProofTree.PAGE_BYTES));
        if (below.hasRemaining()) {
            throw new IOException(name + UNFINISHED + " has become shorter while it was being written");
        }
        ByteBuffer nodes = ByteBuffer.allocate(ProofTree.PAGE_BYTES);
        for (int i = 0; i < pages; i++) {
            ByteBuffer each = below.slice(i * ProofTree.PAGE_BYTES, ProofTree.PAGE_BYTES);
            if (level == 0) {
                count(each, page + i);
            }
            sha256.update(each);
            nodes.put(sha256.digest());
        }
        if (level == tree.top()) {
            String root = HexFormat.of().formatHex(nodes.array(), 0, ProofTree.NODE_BYTES);
            built.add(new ProofDisk(disks.get(built.size()), unprovedBytes, root));
            begin(0);
            unprovedBytes = 0;
            return true;
        }
        file.write(tree.offset(level + 1, page / ProofTree.NODES), nodes.clear());
        page += pages;
        if (page == tree.pages().get(level)) {
            begin(level + 1);
        }
        return true;
    }

    private void begin(int next) {
        level = next;
        page = 0;
    }

    private void count(ByteBuffer leaves, long leafPage) {
        long size = disks.get(built.size()).sizeBytes();
        for (int i = 0; i < ProofTree.LEAVES; i++) {
            long offset = (leafPage * ProofTree.LEAVES + i) * ProofTree.CHUNK_BYTES;
            if (leaves.slice(i * Limits.DIGEST_BYTES, Limits.DIGEST_BYTES).equals(ChunkDigests.unproved())) {
                unprovedBytes += Math.min(ProofTree.CHUNK_BYTES, size - offset);
            }
        }
    }

    /** What of the machine is proved, and of which moment. */
    public record Mark(UUID machine, Position position, String label, long timeMicros) {}

    /** Completes the file and gives it its name, durably. */
    public ProofHeader finish(Mark mark) throws IOException {
        if (built.size() < disks.size()) {
            throw new IllegalStateException("the tree is not complete");
        }
        ProofHeader header = new ProofHeader(mark.machine(), mark.position(), mark.label(), mark.timeMicros(), built);
        file.write(0, header.encode());
        file.sync();
        volume.rename(present, name);
        present = name;
        volume.syncFolder("");
        present = "";
        return header;
    }

    /** Lets go of the file; one that is not complete is removed. */
    @Override
    public void close() throws IOException {
        file.close();
        if (!present.isEmpty()) {
            String remains = present;
            present = "";
            volume.delete(remains);
        }
    }

    /** Lets go of the file as it is, as a process that is killed would. */
    public void abandon() throws IOException {
        present = "";
        file.close();
    }
}

package io.backhaul.source;

import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Limits;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of a disk under comparison, on two levels: chunks first; of those where both sides hold something and differ,
 * the blocks. Owned by the loop.
 */
final class DigestSpan {
    private static final int BLOCKS_PER_CHUNK = SliceReader.CHUNK_BYTES / SliceReader.BLOCK_BYTES;
    private static final int SUSPECTS_PER_ASK = Limits.MAX_DIGESTS / BLOCKS_PER_CHUNK;

    /** Blocks to be compared: all within one slice from the first of them on. */
    record Window(List<DigestRequest.Run> runs, Digests answer, int firstDigest) {
        DirtyMap.Stretch stretch(long diskBytes) {
            long from = runs.getFirst().first() * SliceReader.BLOCK_BYTES;
            return new DirtyMap.Stretch(from,
                    Math.min(diskBytes, runs.getLast().end() * SliceReader.BLOCK_BYTES) - from);
        }
    }

    private final DigestAsk chunks;
    private final long diskBytes;
    private final long end;
    private long compared;
    private final List<Long> suspects = new ArrayList<>();
    private final Deque<DigestAsk> blocks = new ArrayDeque<>();
    private int doneRuns;
    private int doneDigests;

    DigestSpan(int disk, long diskBytes, DigestRequest.Run run) {
        this.chunks = new DigestAsk(disk, SliceReader.CHUNK_BYTES, List.of(run));
        this.diskBytes = diskBytes;
        this.compared = run.first() * SliceReader.CHUNK_BYTES;
        this.end = Math.min(diskBytes, run.end() * SliceReader.CHUNK_BYTES);
    }

    int disk() {
        return chunks.disk();
    }

    long end() {
        return end;
    }

    /** Everything that it asks for at the moment. */
    List<DigestAsk> asks() {
        List<DigestAsk> all = new ArrayList<>(blocks);
        all.add(chunks);
        return all;
    }

    /** The answer for the chunks that come next; null where there is none yet, or nothing to compare with it. */
    @Nullable
    Digests chunksAnswer() {
        return compared < end ? chunks.answer() : null;
    }

    /** From where on the chunks have not been compared. */
    long compared() {
        return compared;
    }

    /** Which digest of {@link #chunksAnswer} is the one of the chunk at {@link #compared}. */
    int firstDigest() {
        return (int) (compared / SliceReader.CHUNK_BYTES - chunks.runs().getFirst().first());
    }

    /**
     * Chunks have been compared.
     *
     * @param found
     *            the numbers of those of which the blocks are to be compared
     */
    void chunksCompared(long bytes, List<Long> found) {
        compared += bytes;
        suspects.addAll(found);
    }

    /** What is to be asked next, if anything is. */
    @Nullable
    DigestAsk nextAsk() {
        if (suspects.isEmpty() || (suspects.size() < SUSPECTS_PER_ASK && compared < end)) {
            return null;
        }
        List<Long> some = suspects.subList(0, Math.min(suspects.size(), SUSPECTS_PER_ASK));
        long lastBlock = (diskBytes + SliceReader.BLOCK_BYTES - 1) / SliceReader.BLOCK_BYTES;
        List<DigestRequest.Run> runs = new ArrayList<>();
        for (long chunk : some) {
            long first = chunk * BLOCKS_PER_CHUNK;
            runs.add(new DigestRequest.Run(first, (int) Math.min(BLOCKS_PER_CHUNK, lastBlock - first)));
        }
        some.clear();
        DigestAsk ask = new DigestAsk(disk(), SliceReader.BLOCK_BYTES, runs);
        blocks.add(ask);
        return ask;
    }

    /** The blocks to be compared next; null where no answer is there. */
    @Nullable
    Window window() {
        DigestAsk ask = blocks.peek();
        Digests answer = ask == null ? null : ask.answer();
        if (ask == null || answer == null) {
            return null;
        }
        long from = ask.runs().get(doneRuns).first();
        List<DigestRequest.Run> runs = ask.runs().subList(doneRuns, ask.runs().size()).stream()
                .takeWhile(run -> (run.end() - from) * SliceReader.BLOCK_BYTES <= SliceReader.SLICE_BYTES).toList();
        return new Window(runs, answer, doneDigests);
    }

    /** A window has been dealt with. */
    void blocksCompared(Window window) {
        doneRuns += window.runs().size();
        doneDigests += window.runs().stream().mapToInt(DigestRequest.Run::chunks).sum();
        if (doneRuns == blocks.getFirst().runs().size()) {
            blocks.removeFirst();
            doneRuns = 0;
            doneDigests = 0;
        }
    }

    boolean isDone() {
        return compared == end && suspects.isEmpty() && blocks.isEmpty();
    }

    /** Up to where the disk need not be compared again. */
    long frontier() {
        DigestAsk ask = blocks.peek();
        if (ask != null) {
            return ask.runs().get(doneRuns).first() * SliceReader.BLOCK_BYTES;
        }
        return suspects.isEmpty() ? compared : suspects.getFirst() * SliceReader.CHUNK_BYTES;
    }
}

package io.backhaul.simulation;

import io.backhaul.engine.proof.ProofReader;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.SimDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Knows every state that the disks of a machine have been in, as the history of each sector: state n is what they held
 * after n changes. It can say which state a replica is in, and whether that may be the one of a position.
 */
final class Oracle {
    private static final Position NEVER = new Position(Long.MAX_VALUE, Long.MAX_VALUE);
    private final List<SimDisk> disks;
    private final List<History[]> histories = new ArrayList<>();
    private final NavigableMap<Position, Bounds> witnessed = new TreeMap<>();
    private final Map<Place, Position> exempt = new HashMap<>();
    private int states;

    /** The contents of one sector, by the state from which it had them. */
    private static final class History {
        private int[] since = new int[2];
        private long[] ids = new long[2];
        private int entries;

        void add(int state, long id) {
            if (entries == since.length) {
                since = Arrays.copyOf(since, entries * 2);
                ids = Arrays.copyOf(ids, entries * 2);
            }
            since[entries] = state;
            ids[entries++] = id;
        }

        long latest() {
            return entries == 0 ? 0 : ids[entries - 1];
        }

        private int entryAt(int state) {
            int index = Arrays.binarySearch(since, 0, entries, state);
            return index >= 0 ? index : -index - 2;
        }

        long at(int state) {
            int entry = entryAt(state);
            return entry < 0 ? 0 : ids[entry];
        }

        /** The first state not before {@code from} in which the sector held the content; -1 where there is none. */
        int firstWith(long id, int from) {
            int entry = entryAt(from);
            if ((entry < 0 ? 0 : ids[entry]) == id) {
                return from;
            }
            for (int next = entry + 1; next < entries; next++) {
                if (ids[next] == id) {
                    return since[next];
                }
            }
            return -1;
        }
    }

    private record Place(int disk, int sector) {}

    /** Between which states something must lie, both included. */
    record Bounds(int low, int high) {
        boolean areEmpty() {
            return low > high;
        }
    }

    /**
     * What a replica was found to be.
     *
     * @param state
     *            the first state it may be in; -1 where it is in none
     * @param problem
     *            why it is in none
     */
    record Verdict(int state, String problem) {
        boolean isRight() {
            return state >= 0;
        }
    }

    Oracle(List<SimDisk> disks) {
        this.disks = List.copyOf(disks);
        for (SimDisk disk : disks) {
            History[] history = new History[(int) (disk.sizeBytes() / SectorContent.SECTOR_BYTES)];
            Arrays.setAll(history, sector -> new History());
            histories.add(history);
        }
    }

    /** The state the disks are in. */
    int state() {
        return states;
    }

    /** Whether the disks hold what they held in a state: a write may have changed nothing. */
    boolean isLikeNow(int state) {
        return histories.stream().flatMap(Arrays::stream).allMatch(history -> history.at(state) == history.latest());
    }

    /** The number of the state that the next change brings about. */
    int nextState() {
        return states + 1;
    }

    /** The disk's next state holds these contents from the sector on. */
    void change(int disk, int firstSector, long[] ids) {
        states++;
        for (int i = 0; i < ids.length; i++) {
            histories.get(disk)[firstSector + i].add(states, ids[i]);
        }
    }

    /** Sectors that were written to past the capture: until {@link #mended} nobody can ask a replica for what they hold. */
    void exempt(int disk, int firstSector, int sectors) {
        for (int i = 0; i < sectors; i++) {
            exempt.put(new Place(disk, firstSector + i), NEVER);
        }
    }

    /** Whether a replica may still lack what was written past the capture. */
    boolean isExempting() {
        return exempt.containsValue(NEVER);
    }

    /** What was written past the capture stands in the stream: from this position on a replica has it. */
    void mended(Position position) {
        exempt.replaceAll((place, until) -> until.equals(NEVER) ? position : until);
    }

    private boolean isExempt(int disk, int sector, Position position) {
        Position until = exempt.isEmpty() ? null : exempt.get(new Place(disk, sector));
        return until != null && position.isBefore(until);
    }

    /**
     * Looks at the disks themselves, after a power failure or a failed write: whatever differs from the last state makes
     * one more.
     *
     * @return how many sectors differ
     */
    int reconcile() {
        int differing = 0;
        for (int disk = 0; disk < disks.size(); disk++) {
            differing += reconcile(disk, 0, histories.get(disk).length, differing == 0);
        }
        return differing;
    }

    /** The same for a stretch of one disk, which a write has failed in. */
    int reconcile(int disk, int firstSector, int sectors) {
        return reconcile(disk, firstSector, sectors, true);
    }

    private int reconcile(int disk, int firstSector, int sectors, boolean newState) {
        ByteBuffer bytes = ByteBuffer.allocate(sectors * SectorContent.SECTOR_BYTES);
        disks.get(disk).peek((long) firstSector * SectorContent.SECTOR_BYTES, bytes);
        long[] found = ids(bytes);
        int differing = 0;
        for (int i = 0; i < found.length; i++) {
            History history = histories.get(disk)[firstSector + i];
            if (found[i] != history.latest()) {
                states += newState && differing == 0 ? 1 : 0;
                history.add(states, found[i]);
                differing++;
            }
        }
        return differing;
    }

    private static long[] ids(ByteBuffer bytes) {
        long[] ids = new long[bytes.capacity() / SectorContent.SECTOR_BYTES];
        Arrays.setAll(ids, sector -> SectorContent.recognise(bytes, sector * SectorContent.SECTOR_BYTES));
        return ids;
    }

    /** The stream stood at the position while the disks were in one of these states. */
    void witness(Position position, Bounds bounds) {
        witnessed.merge(position, bounds, (before, now) -> new Bounds(Math.max(before.low(), now.low()),
                Math.min(before.high(), now.high())));
    }

    /** The states that a position of an ordered interval may stand for. */
    Bounds boundsOf(Position position) {
        Map.Entry<Position, Bounds> below = witnessed.floorEntry(position);
        Map.Entry<Position, Bounds> above = witnessed.ceilingEntry(position);
        return new Bounds(below == null ? 0 : below.getValue().low(),
                above == null || above.getKey().generation() != position.generation() ? states
                        : above.getValue().high());
    }

    /** Which of the states in bounds the replica's disks are in, at a position. */
    Verdict judge(List<ByteBuffer> replica, Bounds bounds, Position position) {
        List<long[]> found = replica.stream().map(Oracle::ids).toList();
        int candidate = bounds.low();
        while (true) {
            int before = candidate;
            for (int disk = 0; disk < found.size(); disk++) {
                long[] ids = found.get(disk);
                for (int sector = 0; sector < ids.length; sector++) {
                    if (isExempt(disk, sector, position)) {
                        continue;
                    }
                    int state = histories.get(disk)[sector].firstWith(ids[sector], candidate);
                    if (state < 0 || state > bounds.high()) {
                        return new Verdict(-1, problem(disk, sector, ids[sector], candidate, bounds));
                    }
                    candidate = state;
                }
            }
            if (candidate == before) {
                return new Verdict(candidate, "");
            }
        }
    }

    /** Which of the states in bounds a proof may be of: everything that it vouches for is what the disks held then. */
    Verdict judge(ProofReader proof, Bounds bounds) throws IOException {
        ProvedChunks chunks = new ProvedChunks(proof, sizes(), (disk, sector, state) -> {
            History history = histories.get(disk)[sector];
            int entry = history.entryAt(state);
            return entry < 0 ? new ProvedChunks.Held(0, 0)
                    : new ProvedChunks.Held(history.since[entry], history.ids[entry]);
        });
        for (int state = bounds.low(); state <= bounds.high(); state++) {
            if (chunks.areOf(state)) {
                return new Verdict(state, "");
            }
        }
        return new Verdict(-1, "in no state from " + bounds.low() + " to " + bounds.high()
                + " the disks held what it vouches for; " + chunks.lastMismatch());
    }

    private List<Long> sizes() {
        return histories.stream().map(each -> (long) each.length * SectorContent.SECTOR_BYTES).toList();
    }

    private String problem(int disk, int sector, long id, int candidate, Bounds bounds) {
        return "disk " + disk + " sector " + sector + " holds " + SectorContent.describe(id)
                + ", which it did not in any state from " + candidate + " to " + bounds.high() + "; in state "
                + candidate
                + " it held " + SectorContent.describe(histories.get(disk)[sector].at(candidate)) + ", in state "
                + bounds.high() + " " + SectorContent.describe(histories.get(disk)[sector].at(bounds.high()))
                + " (bounds from " + bounds.low() + ")";
    }
}

package io.backhaul.mastertarget;

import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import java.util.List;
import java.util.UUID;

/**
 * What is to be said of a machine.
 *
 * @param peer
 *            who sends its stream just now; empty where nobody does
 * @param base
 *            where the base disks stand, durably
 * @param trouble
 *            why the machine cannot be served; empty where it can
 */
public record MachineStatus(UUID machine, String name, String state, Fidelity fidelity, Positions positions,
        String peer,
        Position base, Store store, RecoveryPoints points, List<PlacedDisk> disks, List<OpenView> views, Fold fold,
        Scrub scrub, String trouble) {
    /** Said of damaged records that nobody knows any more the place of: what they wrote cannot be asked for. */
    public static final String UNKNOWN = "what they wrote is not known";

    /**
     * What the journal takes.
     *
     * @param journalBytes
     *            on disk
     * @param oldContentBytes
     *            on disk: what was saved of the base disks before it was overwritten
     * @param indexBytes
     *            in memory
     * @param receivedBytes
     *            journaled since the start
     * @param window
     *            how far back points reach by that, and how far they are to
     */
    public record Store(long journalBytes, long oldContentBytes, long extents, long indexBytes, long receivedBytes,
            Window window) {}

    /**
     * How far back points reach.
     *
     * @param oldestMicros
     *            the time of the oldest state that is kept
     * @param newestMicros
     *            that of the newest point
     * @param reachMicros
     *            how far back from now the oldest lies
     * @param askedMicros
     *            how far it is to: retention.time
     * @param allowedBytes
     *            what may be kept for it: retention.bytes
     * @param cut
     *            whether there were older points
     */
    public record Window(long oldestMicros, long newestMicros, long reachMicros, long askedMicros, long allowedBytes,
            boolean cut) {}

    /** How far back points reach, and how far they are to. */
    Window window() {
        return store.window;
    }

    /** What is kept on the retention volume so that points can be opened. */
    long retainedBytes() {
        return store.journalBytes + store.oldContentBytes;
    }

    /** What may be kept there beyond that. */
    long promisedBytes() {
        return Math.max(0, window().allowedBytes - retainedBytes());
    }

    /**
     * A view, and what it holds.
     *
     * @param position
     *            the base disks are not moved beyond it without saving what they overwrite
     * @param journalAfter
     *            what the journal has behind this position is not deleted
     */
    public record OpenView(int number, Position position, Position journalAfter, String holder) {}

    /**
     * Reading stored files back.
     *
     * @param doneBytes
     *            of the pass under way or last done
     * @param endedMicros
     *            when the last pass since the start ended; 0 where none has
     * @param asked
     *            what the source was asked for again
     */
    public record Scrub(boolean running, long doneBytes, long totalBytes, long endedMicros, List<Damage> damaged,
            Asked asked) {
        static final Scrub NONE = new Scrub(false, 0, 0, 0, List.of(), Asked.NOTHING);
    }

    /**
     * What the newest point lacked, and the source was asked to send again, the last time since the start.
     *
     * @param micros
     *            when; 0 where nothing was asked for
     */
    public record Asked(long bytes, long micros) {
        static final Asked NOTHING = new Asked(0, 0);
    }

    /**
     * A file or disk that is not what was written.
     *
     * @param file
     *            within the machine's folder on the retention volume, or the path of a base disk
     * @param what
     *            where in it, and what is wrong
     * @param after
     *            the last position in front of the records that it takes; NONE where it takes none
     * @param upTo
     *            the last one of them
     */
    public record Damage(String file, String what, Position after, Position upTo) {}

    /**
     * The fold under way or last done.
     *
     * @param checkedBytes
     *            what of a promotion has been read back
     */
    public record Fold(boolean running, long doneBytes, long totalBytes, long checkedBytes) {}
}

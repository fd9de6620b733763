package io.backhaul.mastertarget;

import io.backhaul.engine.loop.Lane;
import io.backhaul.mastertarget.MachineState.Parts;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * What a promotion would do.
 *
 * @param foldBytes
 *            what would be written to the disks, and read back
 * @param rate
 *            how fast
 */
public record PromotionPlan(Position position, long foldBytes, Rate rate) {
    /** What a rate was measured by. */
    public enum Measure {
        /** The last folds, flushes included. */
        FOLDS,
        /** Reading what would be folded from the journal, as nothing was folded yet: writing it is no faster. */
        JOURNAL,
        /** There was nothing to measure. */
        NOTHING
    }

    /** How fast something goes. */
    public record Rate(long bytesPerSecond, Measure measure) {}

    private static final long PROBE_BYTES = 16L << 20;

    /** Finds it out, on a lane. */
    static void make(Parts parts, Position position, Lane lane, Lane.Outcome<PromotionPlan> outcome) {
        Replica replica = parts.replica();
        UndoSet undo = replica.undo();
        Position from = undo.startFor(position, position);
        boolean beyond = parts.folding().isBeyond(position);
        IndexStretch stretch = parts.folding().between(parts.folding().applied(), position);
        IndexStretch read = replica.index().stretch(replica.window().position(), position);
        int[] disks = replica.disks().indexes();
        long folds = parts.folding().rate().bytesPerSecond();
        lane.submit(() -> {
            long bytes = stretch.open(disks).liveBytes() + (beyond ? Restorer.bytes(undo, from) : 0);
            Rate rate = folds > 0 ? new Rate(folds, Measure.FOLDS)
                    : probe(read.open(disks), replica.payloads(), replica.loop().clock()::nanos);
            return new PromotionPlan(position, bytes, rate);
        }, replica.loop(), outcome);
    }

    /** Reads some of the frames. */
    private static Rate probe(Layers layers, Payloads payloads, LongSupplier nanos) throws IOException {
        Set<Object> seen = new HashSet<>();
        long begun = nanos.getAsLong();
        long bytes = 0;
        Piece.Source all = layers.all();
        for (Piece piece = all.next(); piece != null && bytes < PROBE_BYTES; piece = all.next()) {
            if (!piece.zero() && seen.add(piece.at())) {
                bytes += payloads.read(piece.at()).capacity();
            }
        }
        long took = nanos.getAsLong() - begun;
        return bytes == 0 || took <= 0 ? new Rate(0, Measure.NOTHING)
                : new Rate((long) (bytes * 1e9 / took), Measure.JOURNAL);
    }
}

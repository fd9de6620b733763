package io.backhaul.mastertarget;

import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What covers a stretch of the journal, as the index was when it was asked. Made on the machine's loop; opened where
 * blocking is allowed, as what is in no run and no longer in memory is read from the journal then. May be opened more than
 * once, by one lane at a time.
 */
final class IndexStretch {
    private final RunSet runs;
    private final List<Part> newestFirst;
    private final Floor floor;
    private final @Nullable IndexUnit newest;

    /** Frames before this place are not in the stretch, although runs may name them. */
    record Floor(long segment, int offset) {
        boolean isAbove(Piece piece) {
            return piece.at().segment() < segment
                    || (piece.at().segment() == segment && piece.at().offset() < offset);
        }
    }

    /** A run, or a part of a unit. */
    sealed interface Part {
        /** A run. */
        record OfRun(ExtentRun run) implements Part {}

        /** The records of a unit after one position up to another. */
        final class OfUnit implements Part {
            private final IndexUnit unit;
            private final Position after;
            private final Position upTo;
            private @Nullable UnitTable table;

            OfUnit(IndexUnit unit, @Nullable UnitTable table, Position after, Position upTo) {
                this.unit = unit;
                this.table = table;
                this.after = after;
                this.upTo = upTo;
            }

            /** The time of its newest frame; 0 where it has not been opened. */
            long lastMicros() {
                return table == null ? 0 : table.timeAt(upTo);
            }

            TableSlice slice(RunSet runs) throws IOException {
                UnitTable known = table;
                if (known == null) {
                    known = runs.scan(unit, after, upTo);
                    table = known;
                }
                return known.slice(after, upTo);
            }
        }
    }

    /**
     * @param newest
     *            the unit in which it ends; null where it is empty
     */
    IndexStretch(RunSet runs, List<Part> newestFirst, Floor floor, @Nullable IndexUnit newest) {
        this.runs = runs;
        this.newestFirst = newestFirst;
        this.floor = floor;
        this.newest = newest;
    }

    /** The time of its last frame, once it has been opened; 0 where it is empty. */
    long lastMicros() {
        if (!newestFirst.isEmpty() && newestFirst.getFirst() instanceof Part.OfUnit unit) {
            return unit.lastMicros();
        }
        return newest == null ? 0 : newest.times().lastMicros();
    }

    /** Makes it readable; blocks. */
    Layers open(int[] disks) throws IOException {
        List<Layers.Layer> layers = new ArrayList<>();
        List<TableSlice> gathered = new ArrayList<>();
        for (Part part : newestFirst) {
            switch (part) {
                case Part.OfUnit unit -> {
                    TableSlice slice = unit.slice(runs);
                    if (slice.count() > 0) {
                        gathered.addFirst(slice);
                    }
                }
                case Part.OfRun(ExtentRun run) -> {
                    end(gathered, layers, disks);
                    layers.add(new Layers.OfRun(run, floor));
                }
            }
        }
        end(gathered, layers, disks);
        return new Layers(runs, layers, floor, disks);
    }

    private static void end(List<TableSlice> oldestFirst, List<Layers.Layer> layers, int[] disks) {
        if (!oldestFirst.isEmpty()) {
            layers.add(new Layers.OfTables(new IndexSnapshot(oldestFirst), disks));
            oldestFirst.clear();
        }
    }
}

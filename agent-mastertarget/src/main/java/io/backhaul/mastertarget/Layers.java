package io.backhaul.mastertarget;

import io.backhaul.mastertarget.RunHeader.Span;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a stretch of the journal holds newest at each place: tables in memory and runs, the newest first. Where a run turns
 * out to be damaged, those below it are looked at instead, and the journal itself in the end. Safe for any thread.
 */
final class Layers {
    private final RunSet runs;
    private final IndexStretch.Floor floor;
    private final int[] disks;
    private volatile List<Layer> newestFirst;

    /** Where a byte's newest version is: in a piece, or not in this stretch. */
    record Found(long from, long to, @Nullable Piece piece) {}

    /** One of them. */
    sealed interface Layer {
        Lookup lookup();

        Piece.Source all();
    }

    /** Finds pieces in one layer; of one thread. */
    interface Lookup {
        /** The piece that covers the place, or the next one behind it that begins before {@code end}; null without one. */
        @Nullable
        Piece first(int disk, long offset, long end) throws IOException;
    }

    /** What is in memory. */
    static final class OfTables implements Layer {
        private final IndexSnapshot snapshot;
        private final Map<Integer, ExtentMap> maps = new HashMap<>();
        private final int[] disks;

        OfTables(IndexSnapshot snapshot, int[] disks) {
            this.snapshot = snapshot;
            this.disks = disks;
            for (int disk : disks) {
                maps.put(disk, snapshot.map(disk));
            }
        }

        @Override
        public Lookup lookup() {
            return (disk, offset, end) -> {
                ExtentMap map = maps.get(disk);
                int piece = map == null ? 0 : map.firstEndingAfter(offset);
                return map == null || piece == map.count() ? null : snapshot.piece(disk, map, piece);
            };
        }

        @Override
        public Piece.Source all() {
            return new SnapshotPieces(snapshot, disks);
        }
    }

    /** A run, less what is below the stretch. */
    record OfRun(ExtentRun run, IndexStretch.Floor floor) implements Layer {
        @Override
        public Lookup lookup() {
            ExtentRun.Probe probe = run.new Probe();
            return (disk, offset, end) -> above(probe, disk, offset, end);
        }

        private @Nullable Piece above(ExtentRun.Probe probe, int disk, long offset, long end) throws IOException {
            Piece found = probe.first(disk, offset);
            while (found != null && found.start() < end && floor.isAbove(found)) {
                found = found.end() < end ? probe.first(disk, found.end()) : null;
            }
            return found;
        }

        @Override
        public Piece.Source all() {
            Piece.Source pass = run.all();
            return () -> {
                Piece piece = pass.next();
                while (piece != null && floor.isAbove(piece)) {
                    piece = pass.next();
                }
                return piece;
            };
        }
    }

    Layers(RunSet runs, List<Layer> newestFirst, IndexStretch.Floor floor, int[] disks) {
        this.runs = runs;
        this.newestFirst = List.copyOf(newestFirst);
        this.floor = floor;
        this.disks = disks;
    }

    boolean isEmpty() {
        return newestFirst.isEmpty();
    }

    /** How many there are to be looked at. */
    int count() {
        return newestFirst.size();
    }

    /** Finds what a range holds, in rising order without gaps. */
    List<Found> find(int disk, long from, long to) throws IOException {
        while (true) {
            List<Layer> now = newestFirst;
            try {
                return new Finding(now, disk).find(from, to);
            } catch (DamagedRunException damage) {
                replace(damage.span());
            }
        }
    }

    /** One range's way down the layers. */
    private static final class Finding {
        private final List<Layer> layers;
        private final @Nullable Lookup[] lookups;
        private final int disk;
        private final List<Found> found = new ArrayList<>();

        Finding(List<Layer> layers, int disk) {
            this.layers = layers;
            this.lookups = new @Nullable Lookup[layers.size()];
            this.disk = disk;
        }

        List<Found> find(long from, long to) throws IOException {
            descend(0, from, to);
            return found;
        }

        private void descend(int layer, long from, long to) throws IOException {
            if (layer == layers.size()) {
                found.add(new Found(from, to, null));
                return;
            }
            Lookup lookup = lookups[layer];
            if (lookup == null) {
                lookup = layers.get(layer).lookup();
                lookups[layer] = lookup;
            }
            long at = from;
            while (at < to) {
                Piece piece = lookup.first(disk, at, to);
                long start = piece == null ? to : Math.min(to, piece.start());
                if (start > at) {
                    descend(layer + 1, at, start);
                }
                if (piece == null || start == to) {
                    return;
                }
                long begin = Math.max(at, start);
                long end = Math.min(to, piece.end());
                found.add(new Found(begin, end, piece.cut(begin, end)));
                at = end;
            }
        }
    }

    /** All of it, in order of disk and place. Fails where a run is damaged; {@link #replace} it then, and begin again. */
    Piece.Source all() throws IOException {
        List<Piece.Source> sources = new ArrayList<>();
        for (Layer layer : newestFirst) {
            sources.add(layer.all());
        }
        return new PieceMerge(sources);
    }

    /** How many bytes of the disks it changes. */
    long liveBytes() throws IOException {
        while (true) {
            try {
                Piece.Source all = all();
                long live = 0;
                for (Piece piece = all.next(); piece != null; piece = all.next()) {
                    live += piece.lengthBytes();
                }
                return live;
            } catch (DamagedRunException damage) {
                replace(damage.span());
            }
        }
    }

    /** Looks elsewhere than in a damaged run from now on. */
    synchronized void replace(Span damaged) throws IOException {
        List<Layer> next = new ArrayList<>();
        boolean stood = false;
        for (Layer layer : newestFirst) {
            if (layer instanceof OfRun(ExtentRun run, IndexStretch.Floor above) && run.span().equals(damaged)) {
                stood = true;
                instead(damaged, next);
            } else {
                next.add(layer);
            }
        }
        if (stood) {
            runs.reportDamage(damaged);
            newestFirst = List.copyOf(next);
        }
    }

    private void instead(Span damaged, List<Layer> next) throws IOException {
        if (damaged.level() > 0) {
            long last = damaged.last();
            for (int i = 0; i < RunSet.FAN_IN; i++) {
                Span child = RunSet.span(damaged.level() - 1, last);
                ExtentRun run = runs.run(child);
                if (run == null) {
                    instead(child, next);
                } else {
                    next.add(new OfRun(run, floor));
                }
                last = child.first() - 1;
            }
            return;
        }
        IndexUnit unit = runs.units().get(damaged.first());
        if (unit != null) {
            UnitTable table = runs.scan(unit, unit.before(), unit.last());
            next.add(new OfTables(new IndexSnapshot(List.of(table.slice(unit.before(), unit.last()))), disks));
        }
    }
}

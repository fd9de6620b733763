package io.backhaul.mastertarget;

import org.jspecify.annotations.Nullable;

/** The newest of what a snapshot of tables in memory holds, as pieces; the maps of the disks are made one by one. */
final class SnapshotPieces implements Piece.Source {
    private final IndexSnapshot snapshot;
    private final int[] disks;
    private int nextDisk;
    private @Nullable ExtentMap map;
    private int piece;

    /** @param disks the disks' indexes, rising */
    SnapshotPieces(IndexSnapshot snapshot, int... disks) {
        this.snapshot = snapshot;
        this.disks = disks.clone();
    }

    @Override
    public @Nullable Piece next() {
        ExtentMap current = map;
        while (current == null || piece == current.count()) {
            if (nextDisk == disks.length) {
                return null;
            }
            current = snapshot.map(disks[nextDisk++]);
            map = current;
            piece = 0;
        }
        return snapshot.piece(disks[nextDisk - 1], current, piece++);
    }
}

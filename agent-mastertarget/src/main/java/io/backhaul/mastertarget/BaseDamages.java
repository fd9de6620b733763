package io.backhaul.mastertarget;

import io.backhaul.engine.loop.Lane;
import io.backhaul.mastertarget.Layers.Found;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What of a machine's base disks is known not to be what was written. A stretch that looks wrong is damaged only if no fold
 * may have touched it since the checkpoint: what the journal wrote behind that may stand there half, and will be written once more.
 * Owned by the machine's loop.
 */
final class BaseDamages {
    /** Of a disk; what is found beyond that widens the nearest one. */
    private static final int MAX_STRETCHES = 64;
    private static final int MAX_LOOKS = 16;
    private static final int ATTEMPTS = 10;
    private static final int STEP_BYTES = 1 << 20;

    private final Means means;
    private final List<DamagedStretch> stretches = new ArrayList<>();
    private int looking;
    private boolean examining;

    /** Who is told. */
    interface Listener {
        /** More is damaged than before. */
        void damaged(BaseStretch stretch, boolean onDisk);

        /** Less is. */
        void mended();
    }

    /**
     * What it works with.
     *
     * @param reach
     *            how far a fold may have brought the base disks
     */
    record Means(Replica replica, Lane lane, Supplier<Position> reach, Listener listener) {}

    BaseDamages(Means means) {
        this.means = means;
    }

    List<DamagedStretch> all() {
        return stretches;
    }

    boolean isEmpty() {
        return stretches.isEmpty();
    }

    /** What has been found on the disks. */
    List<BaseStretch> onDisk() {
        return stretches.stream().filter(DamagedStretch::isOnDisk).map(DamagedStretch::place).toList();
    }

    /** What was known in an earlier life; it is looked at again. */
    void known(List<BaseStretch> onDisk, List<BaseStretch> lost) {
        onDisk.stream().filter(each -> means.replica.disks().has(each.disk())).forEach(this::add);
        lost.forEach(this::lost);
    }

    /** A stretch looks wrong. */
    void suspect(BaseStretch stretch) {
        boolean isKnown = stretches.stream().anyMatch(each -> each.isOnDisk() && each.place().holds(stretch));
        // Of a first baseline nobody knows what a crash has left half written; it is compared anyway.
        if (!isKnown && looking < MAX_LOOKS && !means.replica.checkpoint().direct()) {
            look(stretch, ATTEMPTS);
        }
    }

    private void look(BaseStretch stretch, int attempts) {
        Replica replica = means.replica;
        Position base = replica.base();
        Position reach = base.max(means.reach.get());
        IndexStretch touched = replica.index().stretch(base, reach);
        BaseDisk disk = replica.disks().disk(stretch.disk());
        int[] disks = replica.disks().indexes();
        looking++;
        means.lane.submit(() -> wrong(disk, stretch, touched.open(disks)), replica.loop(),
                new Lane.Outcome<List<BaseStretch>>() {
                    @Override
                    public void done(List<BaseStretch> wrong) {
                        looking--;
                        if (replica.base().equals(base) && reach.isAtLeast(means.reach.get())) {
                            wrong.forEach(each -> add(each));
                        } else if (!wrong.isEmpty() && attempts > 1) {
                            look(stretch, attempts - 1);
                        }
                    }

                    @Override
                    public void failed(IOException cause) {
                        // Whoever reads it the next time tells again.
                        looking--;
                    }
                });
    }

    /** What of a stretch is wrong, but for what lies in the layers. */
    private static List<BaseStretch> wrong(BaseDisk disk, BaseStretch stretch, Layers touched) throws IOException {
        List<BaseStretch> wrong = new ArrayList<>();
        for (Found found : touched.find(stretch.disk(), stretch.from(), stretch.to())) {
            long end = BaseDisk.floor(found.to());
            for (long at = BaseDisk.ceiling(found.from()); at < end && found.piece() == null; at += STEP_BYTES) {
                wrong.addAll(disk.readAndCheck(at, ByteBuffer.allocate((int) Math.min(STEP_BYTES, end - at))));
            }
        }
        return wrong;
    }

    private void add(BaseStretch stretch) {
        List<DamagedStretch> beside = stretches.stream()
                .filter(each -> each.isOnDisk() && each.place().disk() == stretch.disk()).toList();
        Optional<DamagedStretch> nearest = beside.stream()
                .min(Comparator.comparingLong(each -> each.place().distance(stretch)));
        if (nearest.isPresent() && (beside.size() >= MAX_STRETCHES || nearest.get().place().meets(stretch))) {
            if (nearest.get().place().holds(stretch)) {
                return;
            }
            nearest.get().widen(stretch);
        } else {
            stretches.add(new DamagedStretch(stretch, true));
        }
        means.listener.damaged(stretch, true);
    }

    /** A stretch had rotted before it could be saved. */
    void lost(BaseStretch stretch) {
        if (stretches.stream().noneMatch(each -> each.place().holds(stretch))) {
            stretches.add(new DamagedStretch(stretch, false));
            means.listener.damaged(stretch, false);
        }
    }

    /** Looks whether what was damaged has been written anew; answers whether it looks, and runs the task then. */
    boolean examine(Runnable then) {
        Replica replica = means.replica;
        Position base = replica.base();
        for (DamagedStretch each : stretches) {
            if (each.isToBeLookedAt(base)) {
                BaseDisk disk = replica.disks().disk(each.place().disk());
                BaseStretch place = each.place();
                examining = true;
                means.lane.submit(() -> firstWrong(disk, place), replica.loop(), new Lane.Outcome<Long>() {
                    @Override
                    public void done(Long offset) {
                        examining = false;
                        if (place.equals(each.place())) {
                            each.isRightUpTo(offset);
                        }
                        forget();
                        then.run();
                    }

                    @Override
                    public void failed(IOException cause) {
                        // It stays damaged until the base disks have moved again.
                        examining = false;
                        then.run();
                    }
                });
                return true;
            }
        }
        return false;
    }

    private static long firstWrong(BaseDisk disk, BaseStretch place) throws IOException {
        for (long at = place.from(); at < place.to(); at += STEP_BYTES) {
            List<BaseStretch> wrong = disk.readAndCheck(at,
                    ByteBuffer.allocate((int) Math.min(STEP_BYTES, place.to() - at)));
            if (!wrong.isEmpty()) {
                return wrong.getFirst().from();
            }
        }
        return place.to();
    }

    /** What is right on the disk, and lost in no file of old content any more, is damaged no more. */
    void forget() {
        UndoSet undo = means.replica.undo();
        List<BaseStretch> lost = undo.lost();
        if (stretches.removeIf(
                each -> !each.isOnDisk() && lost.stream().noneMatch(gone -> gone.meets(each.place())))) {
            means.listener.mended();
        }
    }

    /** Whether its lane reads just now. */
    boolean isLooking() {
        return examining || looking > 0;
    }
}

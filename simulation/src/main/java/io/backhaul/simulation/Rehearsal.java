package io.backhaul.simulation;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.overlay.OverlayDevice;
import io.backhaul.mastertarget.PointName;
import io.backhaul.mastertarget.View;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A failover on trial: a view that is written to, on scratch, while replication goes on; and what lies beneath stays. */
final class Rehearsal {
    private static final long SECOND = 1_000_000_000L;
    private static final int MAX_WRITES = 40;
    private final Scene scene;
    private final Scheduler scheduler;
    private final Dice dice;
    private int begun;

    Rehearsal(Scene scene) {
        this.scene = scene;
        this.scheduler = scene.scheduler();
        this.dice = scene.dice().fork("rehearsal");
    }

    /** A disk under trial: what lies beneath, the writable one over it, and what each must read as. */
    private record Trial(BlockDevice beneath, OverlayDevice over, ByteBuffer before, ByteBuffer expected) {}

    void begin(TargetPart target, PointName point) {
        target.openView(point, (view, why) -> {
            if (view == null) {
                scene.tally().count("view refused");
                return;
            }
            List<Trial> trials = new ArrayList<>();
            target.process().call(() -> rehearse(target, view, trials),
                    () -> scheduler.after(dice.scaled(SECOND / 10, 30 * SECOND), target.process(),
                            () -> end(target, view, trials)));
        });
    }

    private void rehearse(TargetPart target, View view, List<Trial> trials) {
        try {
            for (View.Disk disk : view.disks()) {
                trials.add(layOver(target, disk.device()));
            }
            for (int i = dice.nextInt(MAX_WRITES); i > 0; i--) {
                write(dice.pick(trials));
            }
            check(trials);
        } catch (IOException failed) {
            // Of a write that failed a part may have been taken: nobody knows any more what must be there.
            trials.clear();
            scene.tally().count("writable view unreadable");
        }
    }

    private Trial layOver(TargetPart target, BlockDevice beneath) throws IOException {
        long scratchBytes = dice.between(1, beneath.sizeBytes() / OverlayDevice.BLOCK_BYTES + 1)
                * OverlayDevice.BLOCK_BYTES;
        SimDisk scratch = new SimDisk(target.process().host(), "scratch" + begun++, scratchBytes, 512, scene.tally());
        ByteBuffer before = whole(beneath);
        ByteBuffer expected = ByteBuffer.allocate(before.capacity()).put(before.duplicate()).clear();
        return new Trial(beneath, new OverlayDevice(beneath, scratch.open(target.process())), before, expected);
    }

    private static ByteBuffer whole(BlockDevice device) throws IOException {
        ByteBuffer whole = ByteBuffer.allocate((int) device.sizeBytes());
        device.read(0, whole);
        return whole.clear();
    }

    private void write(Trial trial) throws IOException {
        int sector = trial.over().sectorSizeBytes();
        int sectors = trial.before().capacity() / sector;
        int length = (int) dice.scaled(1, Math.min(64, sectors));
        int offset = dice.nextInt(sectors - length + 1) * sector;
        byte[] bytes = new byte[length * sector];
        boolean zero = dice.chance(0.2);
        if (!zero) {
            dice.nextBytes(bytes);
        }
        try {
            if (zero) {
                trial.over().zero(offset, bytes.length);
            } else {
                trial.over().write(offset, ByteBuffer.wrap(bytes));
            }
            trial.expected().put(offset, bytes);
        } catch (DeviceFullException full) {
            scene.tally().count("writable view: scratch full");
            // A part of it may have been taken.
            trial.over().read(offset, trial.expected().slice(offset, bytes.length));
        }
    }

    private void check(List<Trial> trials) throws IOException {
        for (Trial trial : trials) {
            Violation.unless(whole(trial.over()).equals(trial.expected()), Invariant.WRITABLE_VIEWS_TAKE,
                    () -> "what was written to a view is not what it holds");
            Violation.unless(whole(trial.beneath()).equals(trial.before()), Invariant.VIEWS_STAY,
                    () -> "a view has changed beneath one that is written to");
        }
        scene.tally().count("checked: writable views");
    }

    private void end(TargetPart target, View view, List<Trial> trials) {
        if (!target.isOpen(view)) {
            return;
        }
        target.process().call(() -> {
            try {
                if (trials.size() == view.disks().size()) {
                    check(trials);
                }
            } catch (IOException failed) {
                scene.tally().count("writable view unreadable");
            }
        }, () -> target.close(view));
    }
}

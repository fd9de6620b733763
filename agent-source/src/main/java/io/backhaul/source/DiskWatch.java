package io.backhaul.source;

import io.backhaul.blockio.system.BlockDevices.Sighting;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Looks every now and then whether the protected block devices are still what they were when the agent started, and says so
 * where one has changed its size, has gone, or has come back. Owned by the loop; looks on a lane.
 */
final class DiskWatch {
    private static final long LOOK_NANOS = 2_000_000_000;

    private final Loop loop;
    private final Lane lane;
    private final FaultLog faults;
    private final List<Watched> disks;
    private final Listener listener;
    private boolean stopped;

    /** Looks at one device. Blocks; called on the lane. */
    @FunctionalInterface
    interface Eye {
        Sighting look() throws IOException;
    }

    /** Who has to act. On the loop. */
    interface Listener {
        /** A disk went, and is there again: what was written to it meanwhile, nobody saw. */
        void returned(String path);
    }

    /** One disk. */
    static final class Watched {
        private final String path;
        private final Eye eye;
        private final Sighting first;
        private volatile Sighting last;

        Watched(String path, Eye eye) throws IOException {
            this.path = path;
            this.eye = eye;
            this.first = eye.look();
            this.last = first;
        }
    }

    /** What a disk was seen to be, in a word that status shows. */
    enum Presence {
        PRESENT, RESIZED, GONE
    }

    DiskWatch(Loop loop, Lane lane, FaultLog faults, List<Watched> disks, Listener listener) {
        this.loop = loop;
        this.lane = lane;
        this.faults = faults;
        this.disks = List.copyOf(disks);
        this.listener = listener;
    }

    void start() {
        if (!disks.isEmpty()) {
            loop.schedule(LOOK_NANOS, this::look);
        }
    }

    void stop() {
        stopped = true;
    }

    private void look() {
        if (stopped) {
            return;
        }
        lane.submit(this::sightings, loop, new Lane.Outcome<List<Sighting>>() {
            @Override
            public void done(List<Sighting> seen) {
                for (int i = 0; i < disks.size(); i++) {
                    judge(disks.get(i), seen.get(i));
                }
                loop.schedule(LOOK_NANOS, DiskWatch.this::look);
            }

            @Override
            public void failed(IOException closed) {
                stopped = true;
            }
        });
    }

    private List<Sighting> sightings() {
        List<Sighting> seen = new ArrayList<>();
        for (Watched disk : disks) {
            try {
                seen.add(disk.eye.look());
            } catch (IOException unseen) {
                seen.add(Sighting.GONE);
            }
        }
        return seen;
    }

    private void judge(Watched disk, Sighting seen) {
        Sighting before = disk.last;
        disk.last = seen;
        if (seen.equals(before)) {
            return;
        }
        if (!seen.isThere()) {
            faults.report(FaultCode.DISK_GONE, disk.path, "the device is detached; nothing of it is captured or read");
            return;
        }
        if (!before.isThere() || seen.sequence() != before.sequence()) {
            faults.clear(FaultCode.DISK_GONE, disk.path);
            faults.report(FaultCode.DISK_RETURNED, disk.path, "the device was detached and is there again");
            listener.returned(disk.path);
        }
        if (seen.sizeBytes() == disk.first.sizeBytes()) {
            faults.clear(FaultCode.DISK_RESIZED, disk.path);
        } else if (seen.sizeBytes() != before.sizeBytes() || !before.isThere()) {
            faults.report(FaultCode.DISK_RESIZED, disk.path, "the device had " + disk.first.sizeBytes()
                    + " bytes when the agent started and has " + seen.sizeBytes() + " now");
        }
    }

    /** How the disk of this path was last seen. */
    Presence presence(String path) {
        for (Watched disk : disks) {
            if (disk.path.equals(path)) {
                if (!disk.last.isThere()) {
                    return Presence.GONE;
                }
                return disk.last.sizeBytes() == disk.first.sizeBytes() ? Presence.PRESENT : Presence.RESIZED;
            }
        }
        return Presence.PRESENT;
    }
}

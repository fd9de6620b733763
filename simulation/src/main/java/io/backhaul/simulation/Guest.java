package io.backhaul.simulation;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.Tally;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The protected machine's writer: one request at a time, each a stretch of sectors that can be recognised, or zeroes, or a
 * flush. Waits while there is nobody to write through. The oracle learns of each write, and of the position the stream
 * stood at behind it.
 */
final class Guest {
    private static final long MILLI = 1_000_000L;
    private final Scheduler scheduler;
    private final Dice dice;
    private final Tally tally;
    private final Oracle oracle;
    private final Habits habits;
    private final Door door;
    private boolean stopped;
    private boolean busy;
    private long burstLeft;
    private Position witnessed = Position.NONE;

    /** The way to the disks. */
    interface Door {
        /** The agent's process and the disks as it serves them; null while it does not. */
        @Nullable
        Served served();

        /** The disks themselves, where they are written to past the agent just now; empty where they are not. */
        List<SimDisk> bare(Dice dice);

        /** One of them was written to. */
        void wroteBare();
    }

    /** What an agent serves. */
    interface Served {
        /** Runs a request, as a thread of the agent's does. */
        void call(Runnable request, Runnable ended);

        List<BlockDevice> disks();

        /** The last position captured; null where the stream has no generation. */
        @Nullable
        Position captured();

        /** Whether all writes since are in the stream, in order. */
        boolean isOrdered();

        /** Which states {@link #captured} may stand for, now that the last change has led to this one. */
        default Oracle.Bounds boundsAt(int state) {
            return new Oracle.Bounds(state, state);
        }
    }

    /**
     * How busy it is.
     *
     * @param pauseNanos
     *            the mean time between two requests
     * @param burstWrites
     *            requests in a burst, without pauses
     */
    record Habits(long pauseNanos, int burstWrites, double burstChance, int maxSectors, double hotShare) {
        static Habits of(Dice dice, boolean quiet) {
            return new Habits(dice.scaled(quiet ? 1000 * MILLI : 40 * MILLI, quiet ? 60_000 * MILLI : 10_000 * MILLI),
                    (int) dice.scaled(5, 300),
                    dice.pick(List.of(0.0, 0.005, 0.02)), (int) dice.scaled(1, 128), dice.nextDouble());
        }

        /** Small requests one after the other. */
        static Habits hurried(Dice dice) {
            return new Habits(dice.scaled(4 * MILLI, 40 * MILLI), 300, 0.005, (int) dice.scaled(1, 32),
                    dice.nextDouble());
        }

        /** Megabytes each second. */
        static Habits flood(Dice dice) {
            return new Habits(dice.scaled(2 * MILLI, 12 * MILLI), 300, 0.005, 128, dice.nextDouble());
        }
    }

    Guest(Scheduler scheduler, Dice dice, Tally tally, Oracle oracle, Habits habits, Door door) {
        this.scheduler = scheduler;
        this.dice = dice;
        this.tally = tally;
        this.oracle = oracle;
        this.habits = habits;
        this.door = door;
    }

    void begin() {
        scheduler.after(0, this::turn);
    }

    /** No more requests, once the one under way has ended. */
    void stop() {
        stopped = true;
    }

    /** Many requests without pauses. */
    void burst(long writes) {
        burstLeft = writes;
    }

    boolean isBusy() {
        return busy;
    }

    /** The agent's process has died, perhaps in the middle of a request: the disks themselves say what has become of it. */
    void agentDied() {
        busy = false;
        oracle.reconcile();
    }

    private void turn() {
        if (stopped) {
            return;
        }
        if (burstLeft == 0 && dice.chance(habits.burstChance())) {
            burstLeft = dice.between(1, habits.burstWrites());
        }
        boolean bursting = burstLeft > 0;
        burstLeft -= bursting ? 1 : 0;
        scheduler.after(bursting ? dice.between(10_000, 500_000) : dice.between(0, 2 * habits.pauseNanos()),
                this::turn);
        Served served = door.served();
        if (!busy && served != null) {
            request(served);
        } else if (!busy) {
            List<SimDisk> bare = door.bare(dice);
            if (!bare.isEmpty()) {
                writeBare(bare);
            }
        }
    }

    /** A write that no agent sees. */
    private void writeBare(List<SimDisk> disks) {
        Extent extent = extent(
                disks.stream().map(disk -> new long[]{disk.sizeBytes(), disk.sectorSizeBytes()}).toList());
        long[] ids = ids(extent);
        disks.get(extent.disk()).writeBare(extent.offset(), bytes(ids));
        oracle.change(extent.disk(), extent.firstSector(), ids);
        door.wroteBare();
        tally.count("guest: write unseen");
        scheduler.log().show(scheduler.nanos(), "guest", () -> "state " + oracle.state() + " writes disk "
                + extent.disk() + " sectors " + extent.firstSector() + "+" + extent.sectors() + ", unseen");
    }

    /** Writes past the agent while that runs; false where it, or the guest, is in the middle of something. */
    boolean writePast(List<SimDisk> disks, Dice with) {
        if (busy || door.served() == null) {
            return false;
        }
        int disk = with.nextInt(disks.size());
        int sectors = (int) (disks.get(disk).sizeBytes() / SectorContent.SECTOR_BYTES);
        int each = disks.get(disk).sectorSizeBytes() / SectorContent.SECTOR_BYTES;
        int first = with.nextInt(sectors / each) * each;
        long[] ids = new long[Math.min(sectors - first, (int) with.scaled(1, 64 / each) * each)];
        int state = oracle.nextState();
        Arrays.setAll(ids, i -> SectorContent.id(state, disk, first + i));
        disks.get(disk).writeBare((long) first * SectorContent.SECTOR_BYTES, bytes(ids));
        oracle.change(disk, first, ids);
        oracle.exempt(disk, first, ids.length);
        scheduler.log().show(scheduler.nanos(), "guest", () -> "state " + oracle.state() + " is written to disk " + disk
                + " sectors " + first + "+" + ids.length + ", past the capture");
        return true;
    }

    private void request(Served served) {
        busy = true;
        Extent extent = extent(served.disks().stream()
                .map(disk -> new long[]{disk.sizeBytes(), disk.sectorSizeBytes()}).toList());
        BlockDevice device = served.disks().get(extent.disk());
        double kind = dice.nextDouble();
        if (kind < 0.05) {
            call(served, () -> flush(device));
        } else if (kind < 0.12) {
            call(served, () -> zero(served, device, extent));
        } else {
            call(served, () -> write(served, device, extent));
        }
    }

    /** Some stretch of some disk, by the sizes and sector sizes there are. */
    private Extent extent(List<long[]> shapes) {
        int disk = dice.nextInt(shapes.size());
        long sizeBytes = shapes.get(disk)[0];
        long sectorBytes = shapes.get(disk)[1];
        int sectorsEach = (int) sectorBytes / SectorContent.SECTOR_BYTES;
        int units = (int) (sizeBytes / sectorBytes);
        int length = (int) dice.scaled(1, Math.min(units, habits.maxSectors()));
        int first = dice.chance(habits.hotShare()) ? (int) dice.scaled(1, units - length + 1) - 1
                : dice.nextInt(units - length + 1);
        return new Extent(disk, first * sectorsEach, length * sectorsEach);
    }

    private record Extent(int disk, int firstSector, int sectors) {
        long offset() {
            return (long) firstSector * SectorContent.SECTOR_BYTES;
        }

        long lengthBytes() {
            return (long) sectors * SectorContent.SECTOR_BYTES;
        }
    }

    private void call(Served served, Runnable task) {
        served.call(task, () -> busy = false);
    }

    private void flush(BlockDevice device) {
        try {
            device.flush();
            tally.count("guest: flush");
        } catch (IOException refused) {
            tally.count("guest: flush refused");
        }
    }

    private void zero(Served served, BlockDevice device, Extent extent) {
        try {
            device.zero(extent.offset(), extent.lengthBytes());
            taken(served, extent, new long[extent.sectors()]);
            tally.count("guest: zero");
        } catch (IOException refused) {
            refused(extent, refused);
        }
    }

    private void write(Served served, BlockDevice device, Extent extent) {
        long[] ids = ids(extent);
        try {
            device.write(extent.offset(), bytes(ids));
            taken(served, extent, ids);
            tally.count("guest: write");
        } catch (IOException refused) {
            refused(extent, refused);
        }
    }

    private long[] ids(Extent extent) {
        long[] ids = new long[extent.sectors()];
        int state = oracle.nextState();
        Arrays.setAll(ids, i -> SectorContent.id(state, extent.disk(), extent.firstSector() + i));
        if (dice.chance(0.05)) {
            Arrays.fill(ids, dice.nextInt(ids.length), ids.length, 0);
        }
        return ids;
    }

    private static ByteBuffer bytes(long[] ids) {
        ByteBuffer bytes = ByteBuffer.allocate(ids.length * SectorContent.SECTOR_BYTES);
        for (long id : ids) {
            SectorContent.expand(id, bytes);
        }
        return bytes.flip();
    }

    private void taken(Served served, Extent extent, long[] ids) {
        oracle.change(extent.disk(), extent.firstSector(), ids);
        Position captured = served.captured();
        // Where the position has not moved, or the stream is not in order, the write may be in no record: it says nothing of
        // that position.
        if (captured != null && served.isOrdered() && !captured.equals(witnessed)) {
            witnessed = captured;
            oracle.witness(captured, served.boundsAt(oracle.state()));
        }
        scheduler.log().show(scheduler.nanos(), "guest",
                () -> "state " + oracle.state() + " writes disk " + extent.disk()
                        + " sectors " + extent.firstSector() + "+" + extent.sectors() + ", captured " + captured);
    }

    private void refused(Extent extent, IOException why) {
        tally.count("guest: write refused");
        int differing = oracle.reconcile(extent.disk(), extent.firstSector(), extent.sectors());
        scheduler.log().show(scheduler.nanos(), "guest",
                () -> "is refused (" + why.getMessage() + "), " + differing + " sectors changed all the same");
    }
}

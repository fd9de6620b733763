package io.backhaul.simulation;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.SimRing;
import io.backhaul.simulation.world.Tally;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The guest's way to its disks where the capture observes: past the agent, whether it runs or not. A request ends when the
 * disk has taken it; what a disk refuses, the oracle learns from the disk.
 */
final class KernelDoor implements Guest.Served {
    private final Scheduler scheduler;
    private final SimRing ring;
    private final Station<SourcePart> source;
    private final Told told;
    private final List<BlockDevice> devices = new ArrayList<>();
    private Runnable ended = () -> {};
    private boolean underWay;
    private boolean wasRead;
    private Position expected = Position.NONE;

    /** Who is told of what happens. */
    record Told(Oracle oracle, Tally tally) {}

    KernelDoor(Scheduler scheduler, SimRing ring, List<SimDisk> disks, Station<SourcePart> source, Told told) {
        this.scheduler = scheduler;
        this.ring = ring;
        this.source = source;
        this.told = told;
        for (SimDisk disk : disks) {
            devices.add(new Submitting(disk, devices.size()));
        }
    }

    @Override
    public void call(Runnable request, Runnable then) {
        underWay = false;
        ended = then;
        request.run();
        if (!underWay) {
            scheduler.after(0, then);
        }
    }

    @Override
    public List<BlockDevice> disks() {
        return devices;
    }

    @Override
    public @Nullable Position captured() {
        SourcePart part = source.part();
        return part == null ? null : part.captured();
    }

    @Override
    public boolean isOrdered() {
        SourcePart part = source.part();
        return part != null && part.isOrdered();
    }

    /** The last change has been submitted just now, and cannot be in the stream yet. */
    @Override
    public Oracle.Bounds boundsAt(int state) {
        return new Oracle.Bounds(wasRead ? state - 1 : 0, state - 1);
    }

    /** Whether no write is on its way to a disk. */
    boolean isIdle() {
        return ring.isIdle();
    }

    /** A mark is asked for; it comes behind what the ring has lost, whether the stream has gone on before that or not. */
    void marking(SourcePart agent) {
        told.tally.add("ring: mark amid losses", !agent.isStreaming() && ring.hasLosses() ? 1 : 0);
    }

    /** Whether everything that was written is in the stream, or the agent knows what is not. */
    boolean isRead() {
        return ring.isRead();
    }

    /**
     * The agent was killed while its stream stood there.
     *
     * @param at
     *            null where it was not ORDERED, or what follows on the beginning of the order was not released yet
     */
    void killed(@Nullable Position at) {
        expected = at == null ? Position.NONE : at;
    }

    /** With the power everything has gone that could be gone on with. */
    void lostPower() {
        expected = Position.NONE;
    }

    /** An agent has begun a stream, or goes on with one: with the one that was killed, if nothing may end it. */
    void streams(Position now, boolean nothingEndsIt) {
        if (expected.equals(Position.NONE)) {
            return;
        }
        Position before = expected;
        expected = Position.NONE;
        if (now.generation() == before.generation()) {
            told.tally.count("ring: order outlived the agent");
        }
        Violation.unless(!nothingEndsIt || now.generation() == before.generation(), Invariant.ORDER_OUTLIVES_THE_AGENT,
                () -> "an agent that was killed at " + before + " goes on at " + now);
    }

    private final class Submitting implements BlockDevice {
        private final SimDisk disk;
        private final int index;

        Submitting(SimDisk disk, int index) {
            this.disk = disk;
            this.index = index;
        }

        private SimRing.Completion completion(long offset, long lengthBytes) {
            underWay = true;
            return new SimRing.Completion() {
                @Override
                public void done() {
                    ended.run();
                }

                @Override
                public void failed(String why) {
                    told.tally.count("guest: write refused");
                    told.oracle.reconcile(index, (int) (offset / SectorContent.SECTOR_BYTES),
                            (int) (lengthBytes / SectorContent.SECTOR_BYTES));
                    ended.run();
                }
            };
        }

        @Override
        public long sizeBytes() {
            return disk.sizeBytes();
        }

        @Override
        public int sectorSizeBytes() {
            return disk.sectorSizeBytes();
        }

        @Override
        public boolean readOnly() {
            return false;
        }

        @Override
        public void read(long offset, ByteBuffer target) throws IOException {
            disk.open(null).read(offset, target);
        }

        @Override
        public void write(long offset, ByteBuffer source) {
            wasRead = ring.isRead();
            ring.write(index, offset, source, completion(offset, source.remaining()));
        }

        @Override
        public void zero(long offset, long lengthBytes) {
            wasRead = ring.isRead();
            ring.zero(index, offset, lengthBytes, completion(offset, lengthBytes));
        }

        @Override
        public void flush() throws IOException {
            ring.flush(index);
        }

        @Override
        public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
            disk.open(null).extents(offset, lengthBytes, visitor);
        }

        @Override
        public void close() {
            // It is the guest's as long as there is a guest.
        }
    }
}

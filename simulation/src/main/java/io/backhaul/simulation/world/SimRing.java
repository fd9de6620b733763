package io.backhaul.simulation.world;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.loop.Monitor;
import io.backhaul.source.Losses;
import io.backhaul.source.ebpf.CaptureRing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The kernel's side of the capture that observes: what is written to the disks goes into a ring as it is submitted, and to the
 * disk a little later; what does not fit, or fails, is marked and counted. The ring outlives whoever reads it, and is gone
 * when the power fails: then nobody looks until it is opened again.
 */
public final class SimRing implements SimHost.Store {
    /** No write of the guest is longer: one that stands in the stream in part is no state that the oracle knows. */
    private static final int PIECE_BYTES = 1 << 20;
    private static final int HEAD_BYTES = 48;

    private final SimHost host;
    private final List<SimDisk> disks;
    private final int capacityBytes;
    private final Tally tally;
    private final Dice dice;
    private final TreeMap<Long, Entry> records = new TreeMap<>();
    private final List<Extent> lost = new ArrayList<>();
    private final List<Monitor> waiting = new ArrayList<>();
    private ByteBuffer notes = ByteBuffer.allocateDirect(CaptureRing.NOTES_BYTES);
    private boolean attached;
    private long head;
    private long tail;
    private long lastRead;
    private long losses;
    private long lossesKnown;
    private long undurable;
    private int life;
    private int underWay;

    private record Entry(CaptureRing.Kind kind, Extent extent, ByteBuffer data, long losses, long next) {}

    private record Extent(int disk, long offset, long lengthBytes) {}

    /** Hears what becomes of what was submitted. */
    public interface Completion {
        /** It is on the disk. */
        void done();

        /** The disk has refused it; some of it may be there. */
        void failed(String why);
    }

    public SimRing(SimHost host, List<SimDisk> disks, int capacityBytes, Tally tally) {
        this.host = host;
        this.disks = disks;
        this.capacityBytes = capacityBytes;
        this.tally = tally;
        this.dice = host.dice().fork("ring");
        host.attach(this);
    }

    /** Somebody writes bytes; returns when it is recorded. */
    public void write(int disk, long offset, ByteBuffer data, Completion completion) {
        for (int done = 0; done < data.remaining();) {
            int part = Math.min(PIECE_BYTES, data.remaining() - done);
            Extent extent = new Extent(disk, offset + done, part);
            ByteBuffer copy = ByteBuffer.allocate(part).put(0, data, data.position() + done, part);
            if (!record(CaptureRing.Kind.DATA, extent, copy)) {
                lose(new Extent(disk, offset + done, data.remaining() - done));
                break;
            }
            done += part;
        }
        submit(new Extent(disk, offset, data.remaining()), device -> device.write(offset, data), completion);
    }

    /** Somebody writes zeroes without sending them. */
    public void zero(int disk, long offset, long lengthBytes, Completion completion) {
        Extent extent = new Extent(disk, offset, lengthBytes);
        if (!record(CaptureRing.Kind.ZERO, extent, ByteBuffer.allocate(0))) {
            lose(extent);
        }
        submit(extent, device -> device.zero(offset, lengthBytes), completion);
    }

    /** Somebody wants what was written to be durable. */
    public void flush(int disk) throws IOException {
        try (BlockDevice device = disks.get(disk).open(null)) {
            device.flush();
        } catch (IOException refused) {
            undurable += attached ? 1 : 0;
            throw refused;
        }
    }

    /** False where there is no room. */
    private boolean record(CaptureRing.Kind kind, Extent extent, ByteBuffer data) {
        if (!attached) {
            return true;
        }
        long next = head + data.capacity() + HEAD_BYTES;
        if (next - tail > capacityBytes) {
            return false;
        }
        records.put(head, new Entry(kind, extent, data, losses, next));
        head = next;
        return true;
    }

    private void lose(Extent extent) {
        if (attached) {
            tally.count("ring: overflow");
            tally.add("ring: overflow while no agent runs", host.isUp() ? 0 : 1);
            lost.add(extent);
            losses++;
        }
    }

    /** What the disk does. */
    private interface Work {
        void on(BlockDevice device) throws IOException;
    }

    private void submit(Extent extent, Work work, Completion completion) {
        int submittedIn = life;
        underWay++;
        // Slow ones above all before anybody looks: what is under way when an agent is installed is the hard part.
        boolean slow = dice.chance(attached ? 0.1 : 0.8);
        long slowNanos = attached ? dice.scaled(100_000, 300_000_000) : dice.scaled(10_000_000, 3_000_000_000L);
        host.scheduler().after(slow ? slowNanos : dice.between(20_000, 400_000),
                () -> {
                    if (life != submittedIn) {
                        return;
                    }
                    try (BlockDevice device = disks.get(extent.disk).open(null)) {
                        work.on(device);
                        end();
                        completion.done();
                    } catch (IOException refused) {
                        if (attached) {
                            tally.count("ring: write refused by the disk");
                            lost.add(extent);
                            losses++;
                        }
                        end();
                        completion.failed(String.valueOf(refused.getMessage()));
                    }
                });
    }

    private void end() {
        underWay--;
        waiting.forEach(Monitor::signalAll);
        waiting.clear();
    }

    /** Whether no write is on its way to a disk. */
    public boolean isIdle() {
        return underWay == 0;
    }

    /** Whether something was lost that no agent has taken over. */
    public boolean hasLosses() {
        return !lost.isEmpty();
    }

    /** Whether an agent has read all there is, and knows of all that is lost. */
    public boolean isRead() {
        return attached && lastRead == head && lossesKnown == losses;
    }

    @Override
    public void losePower() {
        tally.add("ring: lost with the power", attached && head > tail ? 1 : 0);
        life++;
        underWay = 0;
        attached = false;
        records.clear();
        lost.clear();
        waiting.clear();
        head = 0;
        tail = 0;
        losses = 0;
        lossesKnown = 0;
        undurable = 0;
        notes = ByteBuffer.allocateDirect(CaptureRing.NOTES_BYTES);
    }

    /** The ring as an agent sees it: begun, or gone on with. */
    public CaptureRing open(SimProcess process) {
        tally.count(attached ? "ring: found again" : "ring: begun");
        attached = true;
        lastRead = tail;
        return new Opened(process, process.newMonitor());
    }

    private final class Opened implements CaptureRing {
        private final SimProcess process;
        private final Monitor monitor;

        Opened(SimProcess process, Monitor monitor) {
            this.process = process;
            this.monitor = monitor;
        }

        @Override
        public long head() {
            return head;
        }

        @Override
        public long tail() {
            return tail;
        }

        @Override
        public boolean read(long position, Cursor cursor) {
            process.mustLive();
            Entry entry = records.get(position);
            if (entry == null) {
                throw new IllegalStateException("no record at " + position);
            }
            if (entry.kind == Kind.DATA) {
                cursor.data(entry.extent.disk, entry.extent.offset, entry.data.duplicate());
            } else {
                cursor.extent(entry.kind, entry.extent.disk, entry.extent.offset, entry.extent.lengthBytes);
            }
            cursor.place(entry.losses, entry.next);
            lastRead = Math.max(lastRead, entry.next);
            return true;
        }

        @Override
        public void release(long position) {
            process.mustLive();
            if (position < tail || position > head) {
                throw new IllegalStateException(position + " is not between " + tail + " and " + head);
            }
            tail = position;
            records.headMap(position).clear();
        }

        @Override
        public long losses() {
            lossesKnown = losses;
            return losses;
        }

        @Override
        public long takeLosses(Losses.Visitor visitor) {
            process.mustLive();
            lost.forEach(each -> visitor.lost(each.disk, each.offset, each.lengthBytes));
            lost.clear();
            return losses;
        }

        @Override
        public long undurable() {
            return undurable;
        }

        @Override
        public void settle() {
            // What is submitted while it waits is waited for, too: more than is asked for.
            while (underWay > 0) {
                waiting.add(monitor);
                monitor.await();
            }
        }

        @Override
        public ByteBuffer notes() {
            return notes;
        }

        @Override
        public void close() {
            // The ring lives on.
        }
    }
}

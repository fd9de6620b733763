package io.backhaul.simulation.world;

import io.backhaul.blockio.BlockDevice;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A disk: it stays when the processes that open it go. */
public final class SimDisk implements SimHost.Store {
    private final SimHost host;
    private final String name;
    private final long sizeBytes;
    private final int sectorSizeBytes;
    private final Dice dice;
    private final Trouble trouble;
    private final PagedBytes bytes = new PagedBytes(new PagedBytes.Usage());
    private long shownBytes;
    private long changes;
    private Runnable onPowerLost = () -> {};

    public SimDisk(SimHost host, String name, long sizeBytes, int sectorSizeBytes, Tally tally) {
        this.host = host;
        this.name = name;
        this.sizeBytes = sizeBytes;
        this.shownBytes = sizeBytes;
        this.sectorSizeBytes = sectorSizeBytes;
        this.dice = host.dice().fork("disk " + name);
        this.trouble = new Trouble(host.scheduler(), tally);
        host.attach(this);
    }

    public String name() {
        return host.name() + ":" + name;
    }

    public long sizeBytes() {
        return sizeBytes;
    }

    public int sectorSizeBytes() {
        return sectorSizeBytes;
    }

    /** Who opens it from now on finds so many bytes, of those that there are. */
    public void show(long bytes) {
        shownBytes = bytes;
    }

    /** What who opens it finds. */
    public long shownBytes() {
        return shownBytes;
    }

    public Trouble trouble() {
        return trouble;
    }

    /** The disk as a process has it open; or as the kernel itself uses it, for whom no time passes. */
    public BlockDevice open(@Nullable SimProcess process) {
        return new Opened(process);
    }

    /** Reads without a process, without trouble: for who judges. */
    public void peek(long offset, ByteBuffer target) {
        bytes.read(offset, target);
    }

    /** Writes without a process, durably: for who sets the stage. */
    public void poke(long offset, ByteBuffer source) {
        bytes.write(offset, source);
        bytes.sync();
    }

    /** A write of somebody whom nothing here knows; durable at once. */
    public void writeBare(long offset, ByteBuffer source) {
        changes++;
        poke(offset, source);
    }

    /** Counts what has changed it, lost writes too. */
    public long changes() {
        return changes;
    }

    /** Runs after the power has failed and what was not flushed has been lost. */
    public void onPowerLost(Runnable task) {
        onPowerLost = task;
    }

    /** Everything on it is gone. */
    public void wipe() {
        bytes.cut(0);
        bytes.sync();
    }

    public boolean flipBit() {
        return bytes.flipBit(dice);
    }

    /** The disk writes some of its cache back by itself. */
    public void writeBack() {
        bytes.writeBack(dice, 0.5);
    }

    @Override
    public void losePower() {
        changes += bytes.isDirty() ? 1 : 0;
        bytes.losePower(dice, dice.pick(java.util.List.of(0.0, 0.5, 0.9, 1.0)));
        onPowerLost.run();
    }

    private final class Opened implements BlockDevice {
        private final @Nullable SimProcess process;
        private final long openedBytes = shownBytes;
        private boolean closed;

        Opened(@Nullable SimProcess process) {
            this.process = process;
        }

        private void takeTime() {
            if (process != null) {
                host.slowOperation(process);
            }
        }

        private void begin(long offset, long lengthBytes) throws IOException {
            takeTime();
            if (closed) {
                throw new IOException(name + " is closed");
            }
            if (offset < 0 || lengthBytes < 0 || offset > openedBytes - lengthBytes) {
                throw new EOFException(name + " ends before " + offset + "+" + lengthBytes);
            }
        }

        @Override
        public long sizeBytes() {
            return openedBytes;
        }

        @Override
        public int sectorSizeBytes() {
            return sectorSizeBytes;
        }

        @Override
        public boolean readOnly() {
            return false;
        }

        @Override
        public void read(long offset, ByteBuffer target) throws IOException {
            begin(offset, target.remaining());
            trouble.check(Trouble.Kind.READ, name);
            bytes.read(offset, target);
            if (process != null) {
                host.answer(process);
            }
        }

        @Override
        public void write(long offset, ByteBuffer source) throws IOException {
            begin(offset, source.remaining());
            changes++;
            if (trouble.strikes(Trouble.Kind.WRITE)) {
                int sectors = dice.nextInt(source.remaining() / PagedBytes.SECTOR_BYTES + 1);
                bytes.write(offset, source.slice(source.position(), sectors * PagedBytes.SECTOR_BYTES));
                throw new IOException(name + ": Input/output error");
            }
            bytes.write(offset, source);
            takeTime();
        }

        @Override
        public void zero(long offset, long lengthBytes) throws IOException {
            begin(offset, lengthBytes);
            trouble.check(Trouble.Kind.WRITE, name);
            changes++;
            bytes.zero(offset, lengthBytes);
        }

        @Override
        public void flush() throws IOException {
            begin(0, 0);
            if (trouble.strikes(Trouble.Kind.SYNC)) {
                bytes.failSync();
                throw new IOException(name + ": Input/output error in flush");
            }
            bytes.sync();
        }

        @Override
        public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
            begin(offset, lengthBytes);
            long at = offset;
            long end = offset + lengthBytes;
            while (at < end) {
                boolean hole = bytes.isHole(at);
                long next = at;
                while (next < end && bytes.isHole(next) == hole) {
                    next = next / PagedBytes.PAGE_BYTES * PagedBytes.PAGE_BYTES + PagedBytes.PAGE_BYTES;
                }
                next = Math.min(next, end);
                visitor.extent(at, next - at, hole);
                at = next;
            }
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}

package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.nbd.NbdClient;
import io.backhaul.cli.Ext4.Range;
import io.backhaul.engine.control.ControlFault;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An image that the source serves over NBD, and a load that writes there. Needs no right of root. */
final class ImageBehindNbd implements QuickstartDisk {
    private static final int BLOCK_BYTES = 4096;
    private static final long SEED = 20_260_101;

    private final Workplace place;
    private final Quickstart.Plan plan;
    private final Path disk;
    private boolean isExt4;
    private boolean isSample;
    private @Nullable NbdClient client;
    private @Nullable WriteLoad load;

    ImageBehindNbd(Workplace place, Quickstart.Plan plan) {
        this.place = place;
        this.plan = plan;
        this.disk = place.resolve("source.img");
    }

    @Override
    public String configuration() {
        return "capture = nbd";
    }

    @Override
    public String capture() {
        return "nbd";
    }

    @Override
    public Path path() {
        return disk;
    }

    @Override
    public long sizeBytes() {
        return disk.toFile().length();
    }

    @Override
    public boolean isExt4() {
        return isExt4;
    }

    @Override
    public void make() throws IOException, InterruptedException {
        if (!plan.image().toString().isEmpty()) {
            plan.copyImage(disk);
            isExt4 = Ext4.isOn(disk) && isJudgeable();
        } else if (Ext4.isToolSetThere()) {
            Quickstart.say("making an ext4 image of " + Printing.bytes(plan.sizeBytes()) + " with files of the JDK");
            SampleImage.make(disk, place.resolve("staging"), plan.sizeBytes());
            isExt4 = true;
            isSample = true;
        } else {
            Quickstart.say("mke2fs, e2fsck or debugfs is missing (Debian: e2fsprogs): the disk is a raw image without a"
                    + " file system");
            SampleImage.makeRaw(disk, plan.sizeBytes());
        }
        if (isSample) {
            Files.copy(disk, shape());
        }
    }

    /** Whether the user's file system is clean as it is, so that what e2fsck says of the recovered one means something. */
    private boolean isJudgeable() throws IOException, InterruptedException {
        if (Tool.find("e2fsck").isEmpty() || Tool.find("dumpe2fs").isEmpty()) {
            Quickstart.say(
                    "e2fsck or dumpe2fs is missing (Debian: e2fsprogs): the load writes anywhere, and e2fsck is left"
                            + " out");
            return false;
        }
        if (Ext4.check(disk).exitCode() != 0) {
            Quickstart.say("its file system is not clean as it is: the load writes anywhere, and e2fsck is left out");
            return false;
        }
        return true;
    }

    /** A copy of the sample that only debugfs writes to: what it changes there is then written to the disk. */
    private Path shape() {
        return place.resolve("shape.img");
    }

    /** Where the load may write without harming a file system: a file made for it, free blocks, or anywhere. */
    private List<Range> placesToWrite() throws IOException, InterruptedException {
        if (isSample) {
            return Ext4.blocksOf(disk, SampleImage.LEDGER);
        }
        if (isExt4) {
            List<Range> free = Ext4.freeBlocks(disk);
            if (!free.isEmpty()) {
                return free;
            }
            Quickstart.say("its file system is full: the load writes anywhere, and e2fsck is left out");
            isExt4 = false;
        }
        return List.of(new Range(0, Files.size(disk) / BLOCK_BYTES * BLOCK_BYTES));
    }

    @Override
    public void begin(Fleet fleet) throws IOException, InterruptedException {
        try {
            String uri = fleet.machine(Part.SOURCE).groups("disks").getFirst().text("uri");
            NbdClient connected = DiskSource.connect(uri);
            client = connected;
            load = WriteLoad.start(connected, placesToWrite(), SEED);
        } catch (ControlFault refused) {
            throw new IOException(refused.getMessage(), refused);
        }
    }

    private WriteLoad load() {
        WriteLoad running = load;
        if (running == null) {
            throw new IllegalStateException("nobody writes yet");
        }
        return running;
    }

    private BlockDevice client() {
        NbdClient connected = client;
        if (connected == null) {
            throw new IllegalStateException("nobody is connected yet");
        }
        return connected;
    }

    @Override
    public long writtenBytes() {
        return load().writtenBytes();
    }

    @Override
    public long writes() {
        return load().writes();
    }

    /** Adds a file to the live file system: debugfs does it on a copy, and the blocks it changed are written here. */
    @Override
    public void addFile(String name) throws IOException, InterruptedException {
        if (!isSample) {
            return;
        }
        Path content = place.resolve(name);
        Files.writeString(content, Quickstart.contentOf(name));
        Path next = place.resolve("shape-next.img");
        Files.copy(shape(), next);
        Ext4.add(next, content, name);
        try (BlockDevice before = Disks.open(shape(), true); BlockDevice after = Disks.open(next, true)) {
            load().pause(() -> {
                writeChanges(before, after, client());
                return true;
            });
        }
        Files.delete(shape());
        Files.move(next, shape());
    }

    private static void writeChanges(BlockDevice before, BlockDevice after, BlockDevice target) throws IOException {
        DiskComparison.differing(before, after, (offset, length) -> {
            ByteBuffer block = ByteBuffer.allocate((int) length);
            after.read(offset, block);
            target.write(offset, block.flip());
        });
        target.flush();
    }

    @Override
    public <T> T quiet(Worker.Work<T> work) throws IOException, InterruptedException {
        return load().pause(work);
    }

    @Override
    public void copyTo(Path copy) throws IOException {
        Files.copy(disk, copy);
    }

    @Override
    public void end() throws IOException, InterruptedException {
        load().stop();
        client().flush();
    }

    @Override
    public boolean holds(Path recovered, String name) throws IOException, InterruptedException {
        return Ext4.holds(recovered, name);
    }

    /** Whether files were added. */
    @Override
    public boolean isSample() {
        return isSample;
    }

    @Override
    public void release(Path sourceConfig) {
        // It stood in front of the disk, and nothing is left of it.
    }

    @Override
    public void close() {
        WriteLoad running = load;
        if (running != null) {
            running.close();
        }
        NbdClient connected = client;
        if (connected != null) {
            connected.close();
        }
    }
}

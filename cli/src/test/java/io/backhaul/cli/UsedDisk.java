package io.backhaul.cli;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A disk with a file system that is written to in every way: fio with sizes of 512 bytes to 1 MiB, buffered, direct and by
 * mapped memory; file trees, and a database. Knows which transactions were committed at which position.
 */
final class UsedDisk implements AutoCloseable {
    private final String type;
    private final LoopDisk disk;
    private final Path mountPoint;
    private final int index;
    private final List<Committed> committed = new ArrayList<>();
    private @Nullable FileWorkload workload;
    private @Nullable Process fio;

    /** At this position, exactly these transactions were committed, up to this one. */
    private record Committed(long transaction, Position position) {}

    UsedDisk(String type, LoopDisk disk, Path mountPoint, int index) {
        this.type = type;
        this.disk = disk;
        this.mountPoint = mountPoint;
        this.index = index;
    }

    String type() {
        return type;
    }

    LoopDisk disk() {
        return disk;
    }

    int index() {
        return index;
    }

    /**
     * Lets everybody write.
     *
     * @param kibPerSecond
     *            for each of fio's jobs
     */
    void use(Path archive, long seed, int kibPerSecond) throws IOException, InterruptedException {
        if (!disk.isMounted()) {
            // What btrfs has freed is there again only after a commit: on so small a disk it must not take half a minute.
            disk.mount(mountPoint, type.equals("btrfs") ? "commit=3" : "defaults");
        }
        Path folder = mountPoint.resolve("use-" + seed);
        Files.createDirectories(folder);
        Path fioFolder = Files.createDirectories(mountPoint.resolve("fio"));
        fio = new ProcessBuilder("fio", "--directory=" + fioFolder, "--time_based", "--runtime=3600",
                "--randseed=" + seed,
                "--refill_buffers", "--buffer_compress_percentage=40", "--rw=randwrite", "--size=8m",
                "--rate=" + kibPerSecond + "k",
                "--bsrange=512-1m", "--fsync=24", "--name=buffered", "--ioengine=psync", "--name=direct",
                "--ioengine=psync", "--direct=1", type.equals("btrfs") ? "--bsrange=4k-1m" : "--bsrange=512-1m",
                "--name=mapped", "--ioengine=mmap", "--bsrange=4k-1m").redirectErrorStream(true)
                .redirectOutput(mountPoint.resolveSibling(type + "-fio.log").toFile()).start();
        // The database stays where it is, so that the judge finds it; each use goes on with it.
        workload = FileWorkload.start(mountPoint, archive, new FileWorkload.Habit(seed, 60, type.equals("xfs")));
    }

    /** Notes what is committed now, and at which position that is; nothing while the stream catches up. */
    void note(EbpfScene scene) throws IOException, InterruptedException {
        FileWorkload current = workload;
        if (current != null) {
            Optional<Committed> now = current.pause(() -> {
                long last = current.committed();
                try {
                    return Optional.of(new Committed(last, scene.mark("note-" + type + last, false)));
                } catch (ControlFault disordered) {
                    return Optional.empty();
                }
            });
            now.ifPresent(committed::add);
        }
    }

    /** Where the first note stands. */
    Position firstNoted() {
        return committed.getFirst().position;
    }

    Position lastNoted() {
        return committed.getLast().position;
    }

    /** How many transactions must be there at a position. */
    long atLeast(Position position) {
        return committed.stream().filter(each -> position.isAtLeast(each.position))
                .mapToLong(Committed::transaction).max().orElse(0);
    }

    /** How many may be there at most. */
    long atMost(Position position) {
        return committed.stream().filter(each -> !position.isAtLeast(each.position))
                .mapToLong(Committed::transaction).min().orElse(Long.MAX_VALUE);
    }

    long rounds() {
        return workload == null ? 0 : workload.rounds();
    }

    /** Bids whoever writes to end. */
    void endWriting() {
        if (fio != null) {
            // What it has written is proved by its copy: nobody needs to hear from it.
            fio.descendants().forEach(ProcessHandle::destroyForcibly);
            fio.destroyForcibly();
        }
        if (workload != null) {
            workload.end();
        }
    }

    /** Ends whoever writes; the file system stays mounted. */
    void stopWriting() throws IOException, InterruptedException {
        endWriting();
        if (fio != null) {
            fio.waitFor();
            fio = null;
        }
        if (workload != null) {
            FileWorkload ending = workload;
            workload = null;
            try {
                ending.stop();
            } catch (IOException failed) {
                throw new IOException(type + ", with " + (Files.getFileStore(mountPoint).getUsableSpace() >> 20)
                        + " MiB free: " + failed.getMessage(), failed);
            }
        }
    }

    void rest() throws IOException, InterruptedException {
        stopWriting();
        disk.unmount();
    }

    @Override
    public void close() {
        endWriting();
        if (workload != null) {
            workload.close();
        }
    }
}

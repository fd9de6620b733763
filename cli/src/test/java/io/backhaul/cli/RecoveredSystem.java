package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/** A file system as it was recovered at some position, judged by the kernel's own replay, by fsck and by SQLite. */
final class RecoveredSystem {
    private RecoveredSystem() {}

    /**
     * Mounts the image, which replays its journal, opens the database in it, unmounts it, and lets fsck look for anything that
     * is wrong.
     *
     * @return the last transaction in the database; -1 where there is none yet
     */
    static long lastTransaction(Path image, String type, Path mountPoint) throws IOException, InterruptedException {
        long last = -1;
        if (type.equals("btrfs")) {
            // It must not take the image for the original, whose id it has.
            Tool.run("btrfs", "device", "scan", "--forget");
        }
        try (LoopDisk disk = LoopDisk.attach(image)) {
            disk.mount(mountPoint, type.equals("xfs") ? "nouuid" : "defaults");
            Path database = mountPoint.resolve(FileWorkload.DATABASE);
            if (Files.exists(database) && Files.size(database) > 0) {
                last = SqliteLoad.lastIn(database);
            }
            disk.unmount();
            Tool checked = switch (type) {
                case "ext4" -> Tool.run("e2fsck", "-f", "-n", disk.device().toString());
                case "xfs" -> Tool.run("xfs_repair", "-n", disk.device().toString());
                case "btrfs" -> Tool.run("btrfs", "check", "--readonly", disk.device().toString());
                default -> throw new IllegalArgumentException(type);
            };
            assertThat(checked.exitCode()).as("fsck of %s says %s", type, checked.output()).isZero();
        }
        return last;
    }

    /** Compares a disk with a copy of it from that moment. */
    static void assertSame(String what, BlockDevice recovered, Path copy) throws IOException {
        var differing = new AtomicLong();
        var first = new AtomicLong(-1);
        try (BlockDevice original = Disks.open(copy, true)) {
            DiskComparison.differing(original, recovered, (offset, length) -> {
                differing.addAndGet(length);
                first.compareAndSet(-1, offset);
            });
        }
        assertThat(differing.get()).as("bytes that differ in %s, the first at %s", what, first).isZero();
    }
}

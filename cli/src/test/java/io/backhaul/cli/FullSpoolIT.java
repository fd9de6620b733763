package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The master target is away until the spool's volume is full: the process server pushes back, and goes on afterwards. */
class FullSpoolIT {
    private static final long DISK_BYTES = 256L << 20;
    private static final long REGION_BYTES = 96L << 20;
    private static final long RATE = 24L << 20;
    private static final String VOLUME_SIZE = "64m";

    static boolean isRoot() throws IOException {
        UserPrincipal owner = Files.getOwner(Path.of("/proc/self"));
        return owner.getName().equals("root");
    }

    static boolean mounts(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
    }

    @Test
    @Timeout(600)
    void aFullSpoolPushesBackLosesNothingAndGoesOnWhenThereIsRoom() throws Exception {
        assumeTrue(isRoot(), "only root can mount a tmpfs of 64 MiB: a full spool is not tried");
        assumeTrue(Tool.find("fio").isPresent(), "fio is not installed (Debian: fio): a full spool is not tried");
        try (Scene scene = Scene.of(DISK_BYTES)) {
            Path spool = Files.createDirectories(scene.fleet().folder(Part.PROCESS_SERVER).resolve("spool"));
            assumeTrue(mounts("mount", "-t", "tmpfs", "-o", "size=" + VOLUME_SIZE, "tmpfs", spool.toString()),
                    "a tmpfs cannot be mounted here: a full spool is not tried");
            try {
                fillAndDrain(scene, spool);
            } finally {
                scene.fleet().close();
                assertThat(mounts("umount", spool.toString())).isTrue();
            }
        }
    }

    private static void fillAndDrain(Scene scene, Path spool) throws Exception {
        Fleet fleet = scene.fleet();
        fleet.start();
        scene.awaitOrdered();
        Process fio = scene.write(REGION_BYTES, RATE);
        scene.awaitWritten(4L << 20);
        fleet.child(Part.MASTER_TARGET).kill();
        long volumeBytes = Files.getFileStore(spool).getTotalSpace();
        scene.await(Part.SOURCE, "the source's buffer overflows because the spool takes no more",
                machine -> machine.count("overflows") > 0 || machine.flag("overflowing"));
        assertThat(fleet.machine(Part.PROCESS_SERVER).count("spoolBytes")).isGreaterThan(volumeBytes / 3)
                .isLessThanOrEqualTo(volumeBytes);
        assertThat(fleet.child(Part.PROCESS_SERVER).isAlive()).isTrue();
        assertThat(fio.isAlive()).as("the writer goes on").isTrue();
        fleet.start(Part.MASTER_TARGET);
        scene.awaitWritten(4L << 20);
        Scene.stop(fio);
        scene.awaitJournaled();
        assertThat(fleet.machine(Part.SOURCE).count("readBytes")).as("read, with the baseline")
                .isLessThan(DISK_BYTES + 3 * REGION_BYTES);
        scene.assertIdentical();
    }
}

package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Block devices that change under the agent, and an agent that would write to what it protects. */
class ChangedDiskIT {
    private static final long SIZE_BYTES = 16 << 20;

    private final List<AutoCloseable> open = new ArrayList<>();

    /** A scene whose only disk is a loop device with an ext4 on it. */
    private Scene scene() throws IOException, InterruptedException {
        String obstacle = LoopDisk.obstacle().orElse("");
        assumeTrue(obstacle.isEmpty(), obstacle);
        Workplace place = Scene.place(Path.of("/tmp"));
        open.add(place);
        LoopDisk made = LoopDisk.make(place.resolve("disk.img"), SIZE_BYTES);
        open.addFirst(made);
        made.format("ext4");
        Scene scene = Scene.on(place, List.of(made.device()));
        open.set(1, scene);
        return scene;
    }

    private LoopDisk disk() {
        return (LoopDisk) open.getFirst();
    }

    @AfterEach
    void letGo() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private static List<String> standing(Fleet fleet) throws Exception {
        return fleet.status(Part.SOURCE).groups("faults").stream().filter(fault -> fault.flag("standing"))
                .map(fault -> fault.text("name")).toList();
    }

    @Test
    @Timeout(300)
    void aDiskThatGrowsIsSaidInTheStatus() throws Exception {
        Scene scene = scene();
        scene.fleet().start();
        scene.awaitOrdered();
        awaitPresence(scene, "PRESENT");
        try (var backing = new RandomAccessFile(disk().backing().toFile(), "rw")) {
            backing.setLength(2 * SIZE_BYTES);
        }
        LoopDisk.must("losetup", "-c", disk().device().toString());
        awaitPresence(scene, "RESIZED");
        assertThat(standing(scene.fleet())).contains("DISK_RESIZED");
    }

    private static void awaitPresence(Scene scene, String wanted) {
        scene.await(Part.SOURCE, "the disk is " + wanted,
                machine -> machine.groups("disks").stream().anyMatch(each -> each.text("presence").equals(wanted)));
    }

    @Test
    @Timeout(300)
    void aStateFolderOnAProtectedDiskIsRefusedWithCauseAndCure() throws Exception {
        Scene scene = scene();
        disk().mount(scene.resolve("mnt"), "defaults");
        Path config = scene.resolve("source.conf");
        Files.writeString(config, """
                process-servers = ["127.0.0.1:1"]
                disks = [{ path = "%s" }]
                state = "%s"
                """.formatted(disk().device(), disk().mountPoint().resolve("state")));
        Path log = scene.resolve("log");
        Process agent = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                Backhaul.class.getName(), "source", "run", "--config", config.toString()).redirectErrorStream(true)
                .redirectOutput(log.toFile()).start();
        assertThat(agent.waitFor()).isEqualTo(Backhaul.USAGE);
        assertThat(Files.readString(log)).contains("lies on " + disk().device(), "name a place on a disk that is not")
                .doesNotContain("\tat ");
    }
}

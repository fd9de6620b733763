package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.engine.control.ControlFault;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * Programs of others read, write and mount views and promoted disks of a machine with an ext4 file system, and find there
 * what the source had at that point.
 */
class OtherToolsIT {
    private static final long DISK_BYTES = 64L << 20;
    private static final long PLACE_BYTES = 4 << 20;
    private static final int FILE_BYTES = 300_000;
    private static final List<String> FILES = List.of("letter", "ledger");

    @Test
    @Timeout(300)
    void viewsAndPromotedDisksAreWhatTheSourceWasForProgramsOfOthers() throws Exception {
        assumeTools("qemu-img", "qemu-io", "nbdinfo", "nbdcopy", "mke2fs", "e2fsck", "debugfs", "dumpe2fs");
        try (Scene scene = sceneWithExt4()) {
            Fleet fleet = scene.fleet();
            fleet.start();
            scene.awaitOrdered();
            long free = place(scene, 0);
            write(scene, free, 1);
            Path then = scene.resolve("then.img");
            mark(scene, "then");
            copy(scene.disk(), then);
            write(scene, free, 2);
            write(scene, place(scene, 1), 3);
            mark(scene, "now");
            try (var view = open(scene, "then", false)) {
                assertIsSeenBy(scene, uri(view), then);
            }
            assertWritableViewVanishes(scene, free, then);
            try (var view = open(scene, "now", false)) {
                must("qemu-img", "compare", "-f", "raw", "-F", "raw", uri(view), scene.disk().toString());
            }
            Answer promoted = new Answer(fleet.client(Part.MASTER_TARGET).ask("promote", Map.of("at", "then")));
            assertPromoted(scene, Path.of(promoted.groups("disks").getFirst().text("path")), then);
        }
    }

    @Test
    @Timeout(300)
    void aBlockDeviceThatIsPromotedCanBeMountedAndIsNotTouchedOnceItWasWrittenTo() throws Exception {
        assumeTools("mke2fs", "e2fsck", "debugfs", "dumpe2fs", "qemu-img");
        var obstacle = LoopDisk.obstacle();
        assumeTrue(obstacle.isEmpty(), () -> "a loop device: " + obstacle.orElseThrow());
        try (Scene scene = sceneWithExt4(); LoopDisk base = LoopDisk.make(scene.resolve("base.img"), DISK_BYTES)) {
            Fleet fleet = scene.fleet();
            fleet.configure(Part.MASTER_TARGET, "machines = [{ id = \"%s\", disks = [{ index = 0, path = \"%s\" }] }]"
                    .formatted(fleet.id(Part.SOURCE), base.device()));
            fleet.start();
            scene.awaitOrdered();
            write(scene, place(scene, 0), 1);
            mark(scene, "then");
            Path then = scene.resolve("then.img");
            copy(scene.disk(), then);
            write(scene, place(scene, 1), 2);
            mark(scene, "now");
            Path now = scene.resolve("now.img");
            copy(scene.disk(), now);
            promote(scene, "now");
            must("qemu-img", "compare", "-f", "raw", "-F", "raw", now.toString(), base.device().toString());
            must("e2fsck", "-f", "-n", base.device().toString());
            promote(scene, "then");
            must("qemu-img", "compare", "-f", "raw", "-F", "raw", then.toString(), base.device().toString());
            base.mount(scene.resolve("mnt"), "defaults");
            assertHasFiles(base.mountPoint());
            Files.writeString(base.mountPoint().resolve("started"), "here");
            base.unmount();
            byte[] used = Files.readAllBytes(base.backing());
            assertThatExceptionOfType(ControlFault.class).isThrownBy(() -> promote(scene, "now"))
                    .withMessageContaining("written to");
            assertThat(Files.readAllBytes(base.backing())).as("what was started is left alone").isEqualTo(used);
            fleet.close();
        }
    }

    private static void assumeTools(String... names) {
        for (String name : names) {
            assumeTrue(Tool.find(name).isPresent(), name + " is not installed");
        }
    }

    private static Scene sceneWithExt4() throws IOException, InterruptedException {
        Workplace place = Scene.place(Path.of("/tmp"));
        Path content = Files.createDirectories(place.resolve("content"));
        for (String name : FILES) {
            Files.write(content.resolve(name), content(name));
        }
        Path disk = place.resolve("source.img");
        Ext4.make(disk, content, DISK_BYTES);
        return Scene.on(place, List.of(disk));
    }

    private static byte[] content(String name) {
        byte[] content = new byte[FILE_BYTES];
        new Random(name.hashCode()).nextBytes(content);
        return content;
    }

    /** Where no file lies: writing there leaves the file system as it is. */
    private static long place(Scene scene, int number) throws IOException, InterruptedException {
        Ext4.Range free = Ext4.freeBlocks(scene.disk()).stream()
                .max(Comparator.comparingLong(Ext4.Range::lengthBytes)).orElseThrow();
        assertThat(free.lengthBytes()).isGreaterThan((number + 1) * PLACE_BYTES);
        return free.offset() + number * PLACE_BYTES;
    }

    private static void write(Scene scene, long offset, int seed) throws IOException {
        byte[] content = new byte[1 << 20];
        new Random(seed).nextBytes(content);
        try (BlockDevice disk = scene.connect()) {
            disk.write(offset, ByteBuffer.wrap(content));
            disk.flush();
        }
    }

    private static void mark(Scene scene, String label) throws ControlFault {
        scene.fleet().client(Part.SOURCE).ask("mark", Map.of("label", label, "wait", true));
    }

    private static void promote(Scene scene, String label) throws ControlFault {
        scene.fleet().client(Part.MASTER_TARGET).ask("promote", Map.of("at", label));
    }

    private static void copy(Path disk, Path copy) throws IOException {
        try (BlockDevice source = RawDevice.open(disk, true)) {
            DiskCopy.copy(source, copy, (done, total) -> {});
        }
    }

    private static ExportCommand.OpenView open(Scene scene, String at, boolean writable) throws ControlFault {
        return ExportCommand.OpenView.open(scene.fleet().client(Part.MASTER_TARGET),
                Map.of("at", at, "writable", writable));
    }

    private static String uri(ExportCommand.OpenView view) {
        return view.answer().groups("exports").getFirst().text("uri");
    }

    private static String must(String program, String... arguments) throws IOException, InterruptedException {
        Tool done = Tool.run(program, arguments);
        assertThat(done.exitCode()).as("%s %s: %s", program, List.of(arguments), done.output()).isZero();
        return done.output();
    }

    private static Answer json(String text) {
        return new Answer(JsonMapper.shared().readValue(text, new TypeReference<Map<String, Object>>() {}));
    }

    private static void assertIsSeenBy(Scene scene, String uri, Path then) throws IOException, InterruptedException {
        Answer export = json(must("nbdinfo", "--json", uri)).groups("exports").getFirst();
        assertThat(export.count("export-size")).isEqualTo(DISK_BYTES);
        assertThat(export.flag("is_read_only")).isTrue();
        assertThat(must("nbdinfo", "--map", uri)).contains("hole,zero").contains("data");
        assertThat(json(must("qemu-img", "info", "--output=json", "-f", "raw", uri)).count("virtual-size"))
                .isEqualTo(DISK_BYTES);
        must("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, then.toString());
        assertThat(Tool.run("qemu-io", "-f", "raw", "-c", "write -P 1 0 4096", uri).exitCode()).as("nobody may write")
                .isNotZero();
        Path copy = scene.resolve("copy.img");
        must("nbdcopy", uri, copy.toString());
        must("qemu-img", "compare", "-f", "raw", "-F", "raw", copy.toString(), then.toString());
        assertThat(allocated(copy)).as("a thin disk stays thin").isLessThan(allocated(then) + (2 << 20));
        must("e2fsck", "-f", "-n", copy.toString());
        assertThat(must("debugfs", "-R", "cat /letter", copy.toString())).isNotEmpty();
        Files.delete(copy);
    }

    private static long allocated(Path file) throws IOException, InterruptedException {
        return Long.parseLong(must("stat", "--format=%b", file.toString()).strip()) * 512;
    }

    private static void assertWritableViewVanishes(Scene scene, long free, Path then) throws Exception {
        try (var view = open(scene, "then", true)) {
            String uri = uri(view);
            must("qemu-io", "-f", "raw", "-c", "write -P 0x5a %d 65536".formatted(free), uri);
            must("qemu-io", "-f", "raw", "-c", "read -P 0x5a %d 65536".formatted(free), uri);
            assertCanBeMounted(scene, uri);
            assertThat(scratchFiles(scene)).as("what was written is kept aside").hasSize(1);
        }
        assertThat(scratchFiles(scene)).as("without trace").isEmpty();
        try (var view = open(scene, "then", false)) {
            must("qemu-img", "compare", "-f", "raw", "-F", "raw", uri(view), then.toString());
        }
    }

    /** What the master target has open there: such a file has no name any more. */
    private static Set<String> scratchFiles(Scene scene) throws IOException {
        long pid = scene.fleet().pid(Part.MASTER_TARGET).orElseThrow();
        Set<String> open = new HashSet<>();
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc", "" + pid, "fd"))) {
            for (Path each : descriptors) {
                String file = Files.isSymbolicLink(each) ? Files.readSymbolicLink(each).toString() : "";
                if (file.contains(".scratch")) {
                    open.add(file);
                }
            }
        }
        return open;
    }

    /** By way of nbdfuse and a loop device; what is written to the file system is read back after it was unmounted. */
    private static void assertCanBeMounted(Scene scene, String uri) throws Exception {
        if (Tool.find("nbdfuse").isEmpty() || !Files.isWritable(Path.of("/dev/fuse"))
                || LoopDisk.obstacle().isPresent()) {
            System.out.println("not judged: mounting a view needs nbdfuse, /dev/fuse and a loop device");
            return;
        }
        Path file = Files.createFile(scene.resolve("view"));
        Process fuse = new ProcessBuilder(Tool.find("nbdfuse").orElseThrow().toString(), file.toString(), uri)
                .redirectErrorStream(true).redirectOutput(scene.resolve("nbdfuse.log").toFile()).start();
        try {
            Awaitility.await("nbdfuse shows the view").atMost(Duration.ofSeconds(30))
                    .until(() -> Files.size(file) == DISK_BYTES);
            for (String wanted : List.of("started", "again")) {
                try (LoopDisk disk = LoopDisk.attach(file)) {
                    disk.mount(scene.resolve("mnt"), "defaults");
                    assertHasFiles(disk.mountPoint());
                    if (wanted.equals("again")) {
                        assertThat(disk.mountPoint().resolve("started")).hasContent("here");
                    }
                    Files.writeString(disk.mountPoint().resolve(wanted), "here");
                    disk.unmount();
                    must("e2fsck", "-f", "-n", disk.device().toString());
                }
            }
        } finally {
            Tool.run("umount", file.toString());
            if (!fuse.waitFor(15, TimeUnit.SECONDS)) {
                fuse.destroyForcibly().waitFor();
                Tool.run("umount", "-l", file.toString());
            }
        }
    }

    private static void assertHasFiles(Path folder) throws IOException {
        for (String name : FILES) {
            assertThat(Files.readAllBytes(folder.resolve(name))).as(name).isEqualTo(content(name));
        }
    }

    private static void assertPromoted(Scene scene, Path vmdk, Path then) throws Exception {
        Answer info = json(must("qemu-img", "info", "--output=json", vmdk.toString()));
        assertThat(info.text("format")).isEqualTo("vmdk");
        assertThat(info.count("virtual-size")).isEqualTo(DISK_BYTES);
        assertThat(info.group("format-specific").group("data").text("create-type")).isEqualTo("monolithicFlat");
        must("qemu-img", "check", "-f", "vmdk", vmdk.toString());
        must("qemu-img", "compare", "-f", "vmdk", "-F", "raw", vmdk.toString(), then.toString());
        Path raw = scene.resolve("promoted.img");
        must("qemu-img", "convert", "-f", "vmdk", "-O", "raw", vmdk.toString(), raw.toString());
        must("e2fsck", "-f", "-n", raw.toString());
        if (LoopDisk.obstacle().isPresent()) {
            System.out.println("not judged: mounting a promoted disk needs a loop device");
            return;
        }
        try (LoopDisk disk = LoopDisk.attach(raw)) {
            disk.mount(scene.resolve("mnt"), "defaults");
            assertHasFiles(disk.mountPoint());
            disk.unmount();
        }
    }
}

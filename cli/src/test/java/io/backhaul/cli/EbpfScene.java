package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.cli.ExportCommand.OpenView;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A machine with real block devices under the capture in the kernel: a file system of each kind that this kernel has, and two
 * raw disks that count. The parts are processes; what they replicate stays in use all the time. Owned by one thread.
 */
final class EbpfScene implements AutoCloseable {
    private static final Path MEMORY = Path.of("/dev/shm");
    private static final long ROOM_BYTES = 6L << 30;
    private static final long MIB = 1 << 20;
    private static final int MARK_ATTEMPTS = 20;

    private final Workplace place;
    private final Scene scene;
    private final List<UsedDisk> systems = new ArrayList<>();
    private final LoopDisk counterA;
    private final LoopDisk counterB;
    private final Path archive;
    private int views;

    private EbpfScene(Workplace place, List<LoopDisk> made) throws IOException, InterruptedException {
        this.place = place;
        this.archive = place.resolve("archive.tar");
        for (String type : fileSystems()) {
            LoopDisk disk = LoopDisk.make(place.resolve(type + ".img"), sizeMib(type) * MIB);
            made.add(disk);
            disk.format(type);
            systems.add(new UsedDisk(type, disk, place.resolve(type), systems.size()));
        }
        this.counterA = LoopDisk.make(place.resolve("a.img"), 4 * MIB);
        made.add(counterA);
        this.counterB = LoopDisk.make(place.resolve("b.img"), 4 * MIB);
        made.add(counterB);
        this.scene = Scene.on(place, made.stream().map(LoopDisk::device).toList());
        // The journal lies in memory, and whoever writes through fifty kills writes more than there is.
        scene.fleet().configure(Part.MASTER_TARGET, "retention.bytes = 8GiB");
        scene.fleet().configure(Part.SOURCE, "capture = ebpf");
        FileWorkload.pack(archive);
    }

    /** Makes the disks; no part is started yet. */
    static EbpfScene open() throws IOException, InterruptedException {
        boolean isRoomy = Files.isWritable(MEMORY) && Files.getFileStore(MEMORY).getUsableSpace() > ROOM_BYTES;
        Workplace place = Scene.place(isRoomy ? MEMORY : Path.of("/tmp"));
        List<LoopDisk> made = new ArrayList<>();
        try {
            return new EbpfScene(place, made);
        } catch (IOException | InterruptedException | RuntimeException failed) {
            made.forEach(LoopDisk::close);
            place.close();
            throw failed;
        }
    }

    /** The kinds of file systems that this kernel has and that can be made here. */
    static List<String> fileSystems() throws IOException {
        List<String> known = Files.readAllLines(Path.of("/proc/filesystems")).stream().map(String::strip).toList();
        return Stream.of("ext4", "xfs", "btrfs").filter(known::contains)
                .filter(type -> Tool.find("mkfs." + type).isPresent()).toList();
    }

    /** Not much more than the least that its program makes. */
    private static long sizeMib(String type) {
        return switch (type) {
            case "xfs" -> 304;
            case "btrfs" -> 320;
            default -> 128;
        };
    }

    Scene scene() {
        return scene;
    }

    Fleet fleet() {
        return scene.fleet();
    }

    List<UsedDisk> systems() {
        return systems;
    }

    LoopDisk counterA() {
        return counterA;
    }

    LoopDisk counterB() {
        return counterB;
    }

    /** All disks, in the order of the machine. */
    List<LoopDisk> disks() {
        return Stream.concat(systems.stream().map(UsedDisk::disk), Stream.of(counterA, counterB)).toList();
    }

    /** Of all disks together. */
    long sizeBytes() throws IOException {
        long sum = 0;
        for (LoopDisk disk : disks()) {
            sum += Files.size(disk.backing());
        }
        return sum;
    }

    Path resolve(String name) {
        return place.resolve(name);
    }

    /** Mounts every file system and lets everybody write. */
    void use(long seed, int kibPerSecond) throws IOException, InterruptedException {
        for (UsedDisk each : systems) {
            each.use(archive, seed, kibPerSecond);
        }
    }

    /** Lets nobody write any more, and unmounts. */
    void rest() throws IOException, InterruptedException {
        for (UsedDisk each : systems) {
            each.rest();
        }
    }

    /** What is done while nothing changes. */
    interface Quiet {
        void run() throws IOException, InterruptedException, ControlFault;
    }

    /** Freezes all file systems, and does it. */
    void frozen(Quiet work) throws IOException, InterruptedException, ControlFault {
        try {
            for (UsedDisk each : systems) {
                each.disk().freeze();
            }
            work.run();
        } finally {
            for (UsedDisk each : systems) {
                each.disk().thaw();
            }
        }
    }

    /** Marks this moment; the position holds everything that was written before. */
    Position mark(String label, boolean wait) throws ControlFault {
        return Position.parse(new Answer(fleet().client(Part.SOURCE).ask("mark", Map.of("label", label, "wait", wait)))
                .text("position"));
    }

    /** The same, as soon as the stream is ordered; it becomes so by itself. */
    Position markWhenOrdered(String label) throws ControlFault {
        for (int attempt = 1;; attempt++) {
            scene.awaitOrdered();
            try {
                return mark(label, true);
            } catch (ControlFault disordered) {
                if (attempt == MARK_ATTEMPTS) {
                    throw disordered;
                }
            }
        }
    }

    /** A point at the master target, opened. */
    OpenView view(String at) throws ControlFault {
        Map<String, Object> request = Map.of("at", at, "writable", false, "listen",
                "unix:" + place.resolve("v" + views++ % 8 + ".sock"));
        return OpenView.open(fleet().client(Part.MASTER_TARGET), request);
    }

    /** A disk of a view. */
    static BlockDevice disk(OpenView view, int index) throws IOException {
        Answer export = view.answer().groups("exports").stream().filter(each -> each.count("disk") == index).findFirst()
                .orElseThrow();
        return DiskSource.open(export.text("uri"));
    }

    /** Nobody writes: everything is at the master target, byte for byte. */
    void assertIdentical(String label) throws IOException, InterruptedException, ControlFault {
        frozen(() -> {
            markWhenOrdered(label);
            try (OpenView view = view(label)) {
                List<LoopDisk> disks = disks();
                for (int i = 0; i < disks.size(); i++) {
                    try (BlockDevice recovered = disk(view, i)) {
                        RecoveredSystem.assertSame(disks.get(i).backing().getFileName() + " at " + label, recovered,
                                disks.get(i).backing());
                    }
                }
            }
        });
    }

    /** Watches what the agent's process writes to protected devices. */
    WriteWitness witness() throws IOException, InterruptedException {
        return WriteWitness.of(fleet().child(Part.SOURCE).pid(), disks(), place.resolve("traces"));
    }

    /** The same, and those that are started in its place. */
    WriteWitness witnessThroughKills() throws IOException, InterruptedException {
        return WriteWitness.ofItAndItsSuccessors(fleet().child(Part.SOURCE).pid(), disks(), place.resolve("traces"));
    }

    /** The agent has opened no protected device for writing. */
    void assertOpenedForReadingOnly() throws IOException {
        List<String> devices = disks().stream().map(disk -> disk.device().toString()).toList();
        Path descriptors = Path.of("/proc", String.valueOf(fleet().child(Part.SOURCE).pid()), "fd");
        int found = 0;
        try (Stream<Path> all = Files.list(descriptors)) {
            for (Path each : all.filter(Files::isSymbolicLink).toList()) {
                String target = Files.isReadable(each) ? Files.readSymbolicLink(each).toString() : "";
                if (devices.contains(target)) {
                    String flags = Files.readAllLines(descriptors.resolveSibling("fdinfo").resolve(each.getFileName()))
                            .stream().filter(line -> line.startsWith("flags:")).findFirst().orElseThrow();
                    assertThat(Long.parseLong(flags.substring(6).strip(), 8) & 3).as("access mode of %s", target)
                            .isZero();
                    found++;
                }
            }
        }
        assertThat(found).as("descriptors of protected devices").isPositive();
    }

    @Override
    public void close() throws IOException {
        systems.forEach(UsedDisk::close);
        fleet().close();
        try {
            EbpfCheck.detach(fleet());
        } finally {
            disks().forEach(LoopDisk::close);
            scene.close();
        }
    }
}

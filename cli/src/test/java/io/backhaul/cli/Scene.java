package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/** A fleet of real processes with a disk of seeded bytes, and what tests ask of it. */
final class Scene implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofMinutes(4);

    private final Workplace place;
    private final Path disk;
    private final Fleet fleet;
    private final List<Process> writers = new ArrayList<>();

    private Scene(Workplace place, List<Path> disks) {
        this.place = place;
        this.disk = disks.getFirst();
        this.fleet = new Fleet(place.folder(), disks);
    }

    /** The parts are not started yet. */
    static Scene of(long diskBytes) throws IOException {
        Workplace place = place(Path.of("/tmp"));
        Path disk = place.resolve("source.img");
        SampleImage.makeRaw(disk, diskBytes);
        return new Scene(place, List.of(disk));
    }

    /** Disks that exist already; the place is the scene's from now on. */
    static Scene on(Workplace place, List<Path> disks) {
        return new Scene(place, disks);
    }

    /** A new folder for a scene. */
    static Workplace place(Path parent) throws IOException {
        // Sockets need short paths, which build folders are not.
        return Workplace.open(parent.resolve("bh-it-" + UUID.randomUUID().toString().substring(0, 13)), false);
    }

    Fleet fleet() {
        return fleet;
    }

    Path disk() {
        return disk;
    }

    Path resolve(String name) {
        return place.resolve(name);
    }

    /** Waits until what a part says of the machine is as wanted, through restarts of the part. */
    Answer await(Part part, String what, Predicate<Answer> wanted) {
        Answer[] last = {new Answer(Map.of())};
        try {
            Awaitility.await(what).atMost(LIMIT).pollInterval(Duration.ofMillis(100)).until(() -> {
                last[0] = asked(part);
                return wanted.test(last[0]);
            });
        } catch (ConditionTimeoutException late) {
            throw new AssertionError(late.getMessage() + "; the " + part.label() + " says " + last[0] + "\n" + logs(),
                    late);
        }
        return last[0];
    }

    private Answer asked(Part part) {
        try {
            return fleet.machine(part);
        } catch (ControlFault silent) {
            return new Answer(Map.of());
        }
    }

    Answer awaitOrdered() {
        return await(Part.SOURCE, "the stream is ordered", machine -> machine.text("fidelity").equals("ORDERED"));
    }

    /** Waits until the machine has written so much more. */
    void awaitWritten(long moreBytes) throws ControlFault {
        long before = fleet.machine(Part.SOURCE).count("capturedBytes");
        await(Part.SOURCE, "the machine writes",
                machine -> machine.count("capturedBytes") >= before + moreBytes);
    }

    /** Waits until the master target has journaled everything that is captured now. */
    void awaitJournaled() throws ControlFault {
        Position captured = position(fleet.machine(Part.SOURCE), "captured");
        await(Part.SOURCE, "everything up to " + captured + " is journaled",
                machine -> machine.text("fidelity").equals("ORDERED")
                        && position(machine, "journaled").isAtLeast(captured));
    }

    /** Connects to the disk behind the agent. */
    BlockDevice connect() throws IOException {
        try {
            return DiskSource.connect(fleet.machine(Part.SOURCE).groups("disks").getFirst().text("uri"));
        } catch (ControlFault | java.util.NoSuchElementException notYet) {
            throw new IOException(notYet.getMessage(), notYet);
        }
    }

    /** The disk itself, to be read. */
    BlockDevice openDisk() throws IOException {
        return Disks.open(disk, true);
    }

    /** One of a machine's positions, by its name in status; NONE where there is none yet. */
    static Position position(Answer machine, String name) {
        String text = machine.group("positions").text(name);
        return text.isEmpty() ? Position.NONE : Position.parse(text);
    }

    /**
     * Writes with fio through the capture, at random within the first so many bytes, until it is stopped.
     *
     * @param more
     *            arguments of fio, which hold in place of earlier ones
     */
    Process write(long regionBytes, long bytesPerSecond, String... more) throws IOException, ControlFault {
        String uri = fleet.machine(Part.SOURCE).groups("disks").getFirst().text("uri");
        List<String> command = new ArrayList<>(List.of("fio", "--name=load", "--ioengine=nbd", "--uri=" + uri,
                "--rw=randwrite", "--bsrange=4k-64k", "--size=" + regionBytes, "--iodepth=8", "--time_based",
                "--runtime=600", "--rate=" + bytesPerSecond, "--fsync=32", "--randseed=7", "--refill_buffers",
                "--buffer_compress_percentage=40",
                // A job of its own process would outlive whoever ends fio.
                "--thread"));
        command.addAll(List.of(more));
        Process fio = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(place.resolve("fio.log").toFile()).start();
        writers.add(fio);
        return fio;
    }

    /** Ends a writer; what it had under way may be written or not. */
    static void stop(Process writer) throws InterruptedException {
        writer.destroy();
        if (!writer.waitFor(15, TimeUnit.SECONDS)) {
            writer.destroyForcibly().waitFor();
        }
    }

    /** Everything that the source holds is at the master target, byte for byte, as the latest point. */
    void assertIdentical() throws IOException, ControlFault {
        fleet.client(Part.SOURCE).ask("mark", Map.of("label", "end", "wait", true));
        Path recovered = place.resolve("recovered.vmdk");
        Map<String, Object> request = Map.of("at", "end", "listen", "unix:" + place.resolve("view.sock"));
        try (var view = ExportCommand.OpenView.open(fleet.client(Part.MASTER_TARGET), request)) {
            view.copyTo(0, recovered, (done, total) -> {});
        }
        try (BlockDevice source = Disks.open(disk, true); BlockDevice copy = Disks.open(recovered, true)) {
            DiskComparison comparison = DiskComparison.of(source, copy, (done, total) -> {});
            assertThat(comparison.named()).as("extents that differ").isEmpty();
            assertThat(comparison.isIdentical()).isTrue();
        }
    }

    /** The ends of all logs, for a failure's message. */
    String logs() {
        var text = new StringBuilder();
        for (Part part : Part.values()) {
            text.append("== ").append(part.label()).append('\n');
            List<String> lines = linesOf(part);
            lines.subList(Math.max(0, lines.size() - 15), lines.size()).forEach(line -> text.append(line).append('\n'));
        }
        return text.toString();
    }

    /** How often an agent has compared all disks, by what it says of its reasons. */
    long comparisons() {
        return linesOf(Part.SOURCE).stream().filter(line -> line.contains("first start")
                || line.contains("will be compared") || line.contains("the master target is another one")).count();
    }

    List<String> linesOf(Part part) {
        try {
            return Files.readAllLines(fleet.log(part));
        } catch (IOException unreadable) {
            return List.of();
        }
    }

    @Override
    public void close() throws IOException {
        writers.forEach(Process::destroyForcibly);
        fleet.close();
        place.close();
    }
}

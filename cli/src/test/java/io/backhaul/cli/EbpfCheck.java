package io.backhaul.cli;

import static java.util.Objects.requireNonNullElse;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.cli.ExportCommand.OpenView;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Position;
import io.backhaul.source.CaptureSupport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Whether the capture in the kernel is correct, shown with real parts, real file systems and other people's judges. */
final class EbpfCheck {
    private static final Path PINS = Path.of("/sys/fs/bpf");
    private static final long TICK_MILLIS = 150;
    private static final int TOLD_EVERY = 10;
    private static final long NARROW_BYTES_PER_SECOND = 1 << 20;
    private static final String SMALL_RING = "ebpf.ring = 4MiB";
    private static final String USUAL_RING = "ebpf.ring = 64MiB";

    private final EbpfScale scale;
    private final SplittableRandom random;
    private final Findings findings;

    private EbpfCheck(EbpfScale scale, Findings findings) {
        this.scale = scale;
        this.random = new SplittableRandom(findings.seed());
        this.findings = findings;
    }

    /** Why it cannot be run here; empty where it can. */
    static String obstacle() throws IOException, InterruptedException {
        CaptureSupport support = CaptureSupport.read();
        if (!support.isComplete()) {
            return support.missing();
        }
        for (String tool : new String[]{"fio", "sqlite3", "tar", "fsfreeze", "e2fsck"}) {
            if (Tool.find(tool).isEmpty()) {
                return tool + " is not installed";
            }
        }
        return LoopDisk.obstacle().or(WriteWitness::obstacle).orElse("");
    }

    /** Runs everything. What is wrong ends it with an {@link AssertionError}. */
    static void run(EbpfScale scale, Findings findings) throws Exception {
        new EbpfCheck(scale, findings).run();
    }

    private void run() throws Exception {
        try (EbpfScene scene = EbpfScene.open()) {
            try {
                run(scene);
            } catch (AssertionError | Exception wrong) {
                System.err.println(scene.scene().logs());
                throw wrong;
            }
        }
        assertThat(pins()).as("what is left pinned").isEmpty();
        say("nothing is left behind");
    }

    private void run(EbpfScene scene) throws IOException, InterruptedException, ControlFault {
        List<String> types = scene.systems().stream().map(UsedDisk::type).toList();
        findings.put("fileSystems", types);
        say("disks with " + types);
        Fleet fleet = scene.fleet();
        // The overflow first: its ring is another one, and disks that hold little are compared sooner.
        try (Line line = Line.to(() -> fleet.listen(Part.PROCESS_SERVER).orElseThrow())) {
            fleet.configure(Part.SOURCE, "process-servers = [\"" + line.address() + "\"]\n" + SMALL_RING);
            List<LoopDisk.Written> before = written(scene);
            fleet.start();
            say("all parts run");
            compared(scene, before);
            overflow(scene, line);
            assertThat(fleet.child(Part.SOURCE).stop()).as("exit code of a clean stop").isZero();
        }
        say("identical after the overflow");
        assertThat(detach(fleet)).as("exit code of a detach").isZero();
        fleet.configure(Part.SOURCE, "process-servers = [\"" + fleet.listen(Part.PROCESS_SERVER).orElseThrow() + "\"]\n"
                + USUAL_RING);
        List<LoopDisk.Written> again = written(scene);
        fleet.start(Part.SOURCE);
        compared(scene, again);
        say("the agent wrote to no device while it compared");
        Map<String, List<Path>> copies = underLoad(scene);
        scene.assertIdentical("after-load");
        say("identical after the load");
        scene.rest();
        marks(scene, copies);
        say("identical at each mark");
        positions(scene);
        say("consistent at each position");
        kills(scene);
        say("identical after each kill");
        assertThat(fleet.child(Part.SOURCE).stop()).as("exit code of a clean stop").isZero();
        assertThat(detach(scene.fleet())).as("exit code of a detach").isZero();
    }

    private void say(String what) {
        findings.say(what);
    }

    /** Now and then, how far it is. */
    private void tell(int done, String what) {
        if (done > 0 && done % TOLD_EVERY == 0) {
            say(done + " " + what);
        }
    }

    /** Compares while nobody else writes: whatever is written then, the agent has written. */
    private void compared(EbpfScene scene, List<LoopDisk.Written> before) throws IOException, ControlFault {
        scene.scene().awaitOrdered();
        scene.scene().awaitJournaled();
        assertThat(written(scene)).as("writes that the devices have counted").isEqualTo(before);
        scene.assertOpenedForReadingOnly();
        String capture = scene.fleet().status(Part.SOURCE).text("capture");
        findings.put("capture", capture);
        assertThat(capture).isEqualTo("ebpf");
        assertThat(scene.scene().comparisons()).as("comparisons of whole disks").isPositive();
        assertThat(scene.fleet().machine(Part.SOURCE).count("readBytes")).as("what a comparison reads")
                .isGreaterThanOrEqualTo(scene.sizeBytes());
        assertThat(detach(scene.fleet())).as("exit code of a detach while the agent runs").isEqualTo(Backhaul.FAILED);
    }

    private static List<LoopDisk.Written> written(EbpfScene scene) throws IOException {
        List<LoopDisk.Written> all = new ArrayList<>();
        for (LoopDisk disk : scene.disks()) {
            all.add(disk.written());
        }
        return all;
    }

    /** Everybody writes; answers the copies that were taken at marks, by label. */
    private Map<String, List<Path>> underLoad(EbpfScene scene)
            throws IOException, InterruptedException, ControlFault {
        Map<String, List<Path>> copies = new LinkedHashMap<>();
        scene.use(1, scale.kibPerSecond());
        try (WriteWitness witness = scene.witness();
                CounterLoad counter = CounterLoad.start(scene.counterA().device(), scene.counterB().device())) {
            for (int mark = 0; mark < scale.marks(); mark++) {
                tick(scene, scale.loadMillis() / scale.marks());
                String label = "frozen-" + mark;
                scene.frozen(() -> {
                    scene.markWhenOrdered(label);
                    List<Path> files = new ArrayList<>();
                    for (UsedDisk each : scene.systems()) {
                        Path copy = scene.resolve(label + "-" + each.type());
                        each.disk().copyTo(copy);
                        files.add(copy);
                    }
                    copies.put(label, files);
                });
            }
            tick(scene, 2 * TICK_MILLIS);
            counter.stop();
            findings.put("counted", counter.count());
            assertWroteNothing(witness);
        }
        Answer machine = scene.fleet().machine(Part.SOURCE);
        findings.put("capturedBytes", machine.count("capturedBytes"));
        findings.put("overflowsUnderLoad", machine.count("overflows"));
        findings.put("rounds", scene.systems().stream().mapToLong(UsedDisk::rounds).sum());
        stopWriting(scene);
        return copies;
    }

    /** By the kernel's tracepoints, for the agent's process alone. */
    private void assertWroteNothing(WriteWitness witness) throws IOException {
        WriteWitness.Seen seen = witness.seen();
        assertThat(seen.own()).as("what the agent wrote to protected devices under load").isEmpty();
        findings.put("agentWrites", 0);
        findings.add("writtenOutForReads", seen.writtenOut());
    }

    /** Everything stays mounted, but nobody writes. */
    private static void stopWriting(EbpfScene scene) throws IOException, InterruptedException {
        scene.systems().forEach(UsedDisk::endWriting);
        for (UsedDisk each : scene.systems()) {
            each.stopWriting();
        }
    }

    private static void tick(EbpfScene scene, long millis) throws IOException, InterruptedException {
        long endNanos = SystemClock.INSTANCE.nanos() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (SystemClock.INSTANCE.nanos() < endNanos) {
            for (UsedDisk each : scene.systems()) {
                each.note(scene);
            }
            Havoc.rest(TICK_MILLIS);
        }
    }

    private void marks(EbpfScene scene, Map<String, List<Path>> copies) throws IOException, ControlFault {
        for (Map.Entry<String, List<Path>> mark : copies.entrySet()) {
            try (OpenView view = scene.view(mark.getKey())) {
                for (UsedDisk each : scene.systems()) {
                    Path copy = mark.getValue().get(each.index());
                    try (BlockDevice recovered = EbpfScene.disk(view, each.index())) {
                        RecoveredSystem.assertSame(each.type() + " at " + mark.getKey(), recovered, copy);
                    }
                    Files.delete(copy);
                }
            }
        }
        findings.put("marksIdentical", copies.size());
    }

    /** Recovers at random positions inside the load. */
    private void positions(EbpfScene scene) throws IOException, InterruptedException, ControlFault {
        Position from = scene.systems().stream().map(UsedDisk::firstNoted).max(Position::compareTo).orElseThrow();
        Position to = scene.systems().stream().map(UsedDisk::lastNoted).min(Position::compareTo).orElseThrow();
        List<Stretch> stretches = stretches(scene, from, to);
        assertThat(stretches).as("ordered stretches within the load").isNotEmpty();
        int judged = 0;
        for (int i = 0; i < scale.positions(); i++) {
            tell(i, "positions are consistent");
            Position at = drawn(stretches);
            try (OpenView view = scene.view(at.toString())) {
                assertCountersAgree(scene, view, at);
                for (UsedDisk each : scene.systems()) {
                    // The large ones take their time: not each of them at each position.
                    if (each.type().equals("ext4") || (i + each.index()) % scene.systems().size() == 0) {
                        judge(scene, view, each, at);
                        judged++;
                    }
                }
            }
        }
        findings.put("orderedStretches", stretches.size());
        findings.put("positions", scale.positions());
        findings.put("fileSystemsJudged", judged);
    }

    /** Positions that follow each other and are points, all of them. */
    private record Stretch(long generation, long from, long to) {}

    /** What the master target can recover between two positions. */
    private static List<Stretch> stretches(EbpfScene scene, Position from, Position to) throws ControlFault {
        List<Stretch> found = new ArrayList<>();
        for (Answer each : new Answer(scene.fleet().client(Part.MASTER_TARGET).ask("points", Map.of()))
                .groups("intervals")) {
            Position first = Position.parse(each.text("from"));
            Position last = Position.parse(each.text("to"));
            Position begin = first.isAtLeast(from) ? first : from;
            Position end = last.isAtLeast(to) ? to : last;
            if (begin.generation() == end.generation() && end.isAtLeast(begin)) {
                found.add(new Stretch(begin.generation(), begin.sequence(), end.sequence()));
            }
        }
        return found;
    }

    private Position drawn(List<Stretch> stretches) {
        long left = random.nextLong(stretches.stream().mapToLong(each -> each.to - each.from + 1).sum());
        for (Stretch each : stretches) {
            if (left <= each.to - each.from) {
                return new Position(each.generation, each.from + left);
            }
            left -= each.to - each.from + 1;
        }
        throw new IllegalStateException("drawn beyond the last");
    }

    private static void assertCountersAgree(EbpfScene scene, OpenView view, Position at) throws IOException {
        int index = scene.systems().size();
        try (BlockDevice first = EbpfScene.disk(view, index); BlockDevice second = EbpfScene.disk(view, index + 1)) {
            long ahead = CounterLoad.on(first);
            assertThat(CounterLoad.on(second)).as("what B counted to at %s, where A had %d", at, ahead)
                    .isBetween(ahead - 1, ahead);
        }
    }

    private static void judge(EbpfScene scene, OpenView view, UsedDisk disk, Position at)
            throws IOException, InterruptedException {
        Path image = scene.resolve("judged-" + disk.type());
        Files.deleteIfExists(image);
        view.copyTo(disk.index(), image, (done, total) -> {});
        long last = RecoveredSystem.lastTransaction(image, disk.type(), scene.resolve("judged"));
        assertThat(last).as("the last transaction on %s at %s", disk.type(), at)
                .isBetween(disk.atLeast(at), disk.atMost(at));
        Files.delete(image);
    }

    /** Kills the agent again and again while everybody writes. */
    private void kills(EbpfScene scene) throws IOException, InterruptedException, ControlFault {
        Fleet fleet = scene.fleet();
        scene.use(2, scale.kibPerSecond());
        long before = scene.scene().comparisons();
        int ordered = 0;
        for (int kill = 0; kill < scale.kills(); kill++) {
            tell(kill, "kills survived");
            try (WriteWitness witness = scene.witnessThroughKills()) {
                scene.scene().awaitWritten(1 << 20);
                fleet.child(Part.SOURCE).kill();
                Havoc.rest(random.nextLong(400));
                fleet.start(Part.SOURCE);
                Answer machine = scene.scene().awaitOrdered();
                boolean wasOrdered = machine.count("readBytes") == 0;
                assertThat(wasOrdered || machine.count("overflows") > 0)
                        .as("kill %d: read again %d bytes though nothing overflowed", kill, machine.count("readBytes"))
                        .isTrue();
                assertThat(scene.scene().comparisons()).as("kill %d: comparisons of whole disks", kill)
                        .isEqualTo(before);
                ordered += wasOrdered ? 1 : 0;
                assertWroteNothing(witness);
            }
        }
        stopWriting(scene);
        scene.scene().awaitJournaled();
        scene.assertIdentical("after-kills");
        scene.rest();
        findings.put("kills", scale.kills());
        findings.put("killsThatStayedOrdered", ordered);
    }

    /** A small ring and a narrow link: the stream catches up, becomes ordered by itself, and offers no point between. */
    private void overflow(EbpfScene scene, Line line) throws IOException, InterruptedException, ControlFault {
        Fleet fleet = scene.fleet();
        Position before = scene.markWhenOrdered("before-overflow");
        line.narrow(NARROW_BYTES_PER_SECOND);
        scene.use(3, scale.kibPerSecond());
        Position within = gap(scene, line);
        Position after = scene.markWhenOrdered("after-overflow");
        assertThat(within.isAtLeast(before) && after.isAtLeast(within)).isTrue();
        assertThatThrownBy(() -> scene.view(within.toString()).close()).as("a point inside the gap, at %s", within)
                .isInstanceOf(ControlFault.class);
        scene.view("before-overflow").close();
        scene.assertIdentical("after-the-gap");
        findings.put("overflows", fleet.machine(Part.SOURCE).count("overflows"));
        findings.put("readAgainBytes", fleet.machine(Part.SOURCE).count("readBytes"));
        scene.rest();
    }

    /** While everybody writes: the ring overflows, and the disks are read again. Answers a position inside the gap. */
    private Position gap(EbpfScene scene, Line line) throws IOException, InterruptedException, ControlFault {
        try (WriteWitness witness = scene.witness()) {
            Answer gap = scene.scene().await(Part.SOURCE, "the ring overflows",
                    machine -> !machine.text("fidelity").equals("ORDERED") && machine.count("overflows") > 0);
            line.narrow(Line.WIDE_BYTES_PER_SECOND);
            stopWriting(scene);
            scene.scene().awaitOrdered();
            scene.scene().awaitJournaled();
            assertWroteNothing(witness);
            return Position.parse(gap.group("positions").text("captured"));
        }
    }

    /** Removes what is in the kernel; answers the exit code. */
    static int detach(Fleet fleet) {
        return Files.exists(fleet.config(Part.SOURCE))
                ? Backhaul.run("source", "detach", "--config", fleet.config(Part.SOURCE).toString())
                : Backhaul.DONE;
    }

    private static List<Path> pins() throws IOException {
        if (!Files.isDirectory(PINS)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(PINS)) {
            return all.filter(path -> String.valueOf(path.getFileName()).startsWith("backhaul")).toList();
        }
    }

    /** {@code ./check ebpf}. */
    @Command(name = "./check ebpf",
            description = "The capture in the kernel on real file systems under load; needs root.")
    static final class Program extends CheckProgram {
        @Option(names = "--load-millis", paramLabel = "N", description = "How long the first load runs.")
        private @Nullable Long loadMillis;

        @Option(names = "--marks", paramLabel = "N", description = "Taken under freeze, each with a copy.")
        private @Nullable Integer marks;

        @Option(names = "--positions", paramLabel = "N", description = "Drawn at random and judged.")
        private @Nullable Integer positions;

        @Option(names = "--kills", paramLabel = "N", description = "Of the agent.")
        private @Nullable Integer kills;

        @Override
        void check(Findings findings) throws Exception {
            String obstacle = obstacle();
            if (!obstacle.isEmpty()) {
                throw Failure.failed("cannot be run here: " + obstacle);
            }
            EbpfScale scale = isShort() ? EbpfScale.SHORT : EbpfScale.LONG;
            EbpfCheck.run(new EbpfScale(scale.kibPerSecond(), requireNonNullElse(loadMillis, scale.loadMillis()),
                    requireNonNullElse(marks, scale.marks()), requireNonNullElse(positions, scale.positions()),
                    requireNonNullElse(kills, scale.kills())), findings);
        }
    }

    public static void main(String[] arguments) {
        CheckProgram.main(new Program(), arguments);
    }
}

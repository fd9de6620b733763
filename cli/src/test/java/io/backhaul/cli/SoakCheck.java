package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.cli.ExportCommand.OpenView;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Real processes under load, maltreated at random moments: nothing that was acknowledged is lost, every point is what was
 * written, and nothing is compared from the beginning.
 */
final class SoakCheck {
    private static final long DISK_BYTES = 48L << 20;
    private static final long LOAD_PAUSE_MILLIS = 60;
    private static final long MAX_REST_MILLIS = 2_500;
    private static final long LOOK_SECONDS = 5;
    /** Heap and direct memory of a part as it is started here, and what a Java program takes besides. */
    private static final long MAX_PART_BYTES = 768L << 20;

    private final SoakScale scale;
    private final Findings findings;
    private final SplittableRandom random;
    private final Ledger ledger = new Ledger(DISK_BYTES);
    private int views;
    private int pointsChecked;

    private SoakCheck(SoakScale scale, Findings findings) {
        this.scale = scale;
        this.findings = findings;
        this.random = new SplittableRandom(findings.seed());
    }

    /** Runs everything. What is wrong ends it with an {@link AssertionError}. */
    static void run(SoakScale scale, Findings findings) throws Exception {
        var check = new SoakCheck(scale, findings);
        Workplace place = Scene.place(Path.of("/tmp"));
        Path disk = place.resolve("source.img");
        try (var file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(DISK_BYTES);
        }
        try (Scene scene = Scene.on(place, List.of(disk));
                Line toRelay = Line.to(() -> scene.fleet().listen(Part.PROCESS_SERVER).orElseThrow());
                Line toTarget = Line.to(() -> scene.fleet().listen(Part.MASTER_TARGET).orElseThrow())) {
            try {
                scene.fleet().configure(Part.SOURCE, "process-servers = [\"" + toRelay.address() + "\"]");
                scene.fleet().configure(Part.PROCESS_SERVER,
                        "targets = [{ address = \"" + toTarget.address() + "\", machines = [\"*\"] }]");
                check.run(scene, List.of(toRelay, toTarget));
            } catch (AssertionError | Exception wrong) {
                System.err.println(scene.logs());
                throw wrong;
            }
        }
    }

    private void run(Scene scene, List<Line> lines) throws IOException, InterruptedException, ControlFault {
        Fleet fleet = scene.fleet();
        fleet.start();
        scene.awaitOrdered();
        findings.say("all parts run");
        Havoc havoc = new Havoc(fleet, lines, random.split());
        try (CheckedLoad load = CheckedLoad.start(scene, ledger, findings.seed(), LOAD_PAUSE_MILLIS);
                SoakMarks marks = SoakMarks.of(fleet, load, ledger);
                SoakWatch watch = SoakWatch.over(fleet)) {
            maltreat(scene, havoc, load, watch);
            havoc.endAll();
            long endedNanos = SystemClock.INSTANCE.nanos();
            marks.stop();
            load.stop();
            scene.awaitOrdered();
            scene.awaitJournaled();
            findings.put("convergedSeconds", Math.round((SystemClock.INSTANCE.nanos() - endedNanos) / 1e8) / 10.0);
            findings.say("everything is journaled, in order");
            watch.check();
            judge(scene, marks);
            findings.put("deeds", havoc.deeds());
            findings.put("writes", ledger.latest());
            findings.put("writtenBytes", load.writtenBytes());
            findings.put("writesInterrupted", load.interruptions());
            findings.put("marksKept", marks.kept().size());
            findings.put("marksRefused", marks.refused());
            findings.put("pointsChecked", pointsChecked);
            findings.put("peakBytes", watch.peakBytes());
            assertThat(watch.peakBytes().values()).as("memory of the parts").allMatch(peak -> peak < MAX_PART_BYTES);
        }
        assertThat(scene.comparisons()).as("comparisons of the whole disk, with the first one").isEqualTo(1);
        scene.assertIdentical();
        findings.say("identical");
    }

    private void maltreat(Scene scene, Havoc havoc, CheckedLoad load, SoakWatch watch)
            throws IOException, InterruptedException, ControlFault {
        long endNanos = SystemClock.INSTANCE.nanos() + TimeUnit.SECONDS.toNanos(scale.seconds());
        long nextLookNanos = 0;
        for (long now = SystemClock.INSTANCE.nanos(); now < endNanos; now = SystemClock.INSTANCE.nanos()) {
            havoc.step();
            Havoc.rest(random.nextLong(MAX_REST_MILLIS));
            load.check();
            watch.check();
            if (now > nextLookNanos) {
                nextLookNanos = now + TimeUnit.SECONDS.toNanos(LOOK_SECONDS);
                look(scene);
            }
        }
    }

    /** Opens some point while everything goes on. */
    private void look(Scene scene) throws IOException {
        try {
            List<Position> drawn = drawn(scene, 1);
            if (!drawn.isEmpty()) {
                spansAt(scene, drawn.getFirst().toString());
            }
        } catch (ControlFault beingOpened) {
            findings.say("no point can be looked at: " + beingOpened.getMessage());
        }
    }

    private void judge(Scene scene, SoakMarks marks) throws IOException, ControlFault {
        for (SoakMarks.Kept mark : marks.kept()) {
            assertThat(spansAt(scene, mark.label())).as("%s, after write %d", mark, mark.version())
                    .anyMatch(span -> span.has(mark.version()));
        }
        findings.say(marks.kept().size() + " marks are what they were");
        long before = 0;
        for (Position at : drawn(scene, scale.positions()).stream().sorted().toList()) {
            List<Ledger.Span> spans = spansAt(scene, at.toString());
            long last = spans.getLast().end();
            assertThat(last).as("the end of the writes of %s, after a point with those from %d on", at, before)
                    .isGreaterThan(before);
            before = Math.max(before, spans.getFirst().first());
        }
        findings.say(scale.positions() + " positions are what was written, in order");
        assertThat(spansAt(scene, "latest")).anyMatch(span -> span.has(ledger.latest()));
    }

    /** Positions drawn from all that are offered. */
    private List<Position> drawn(Scene scene, int count) throws ControlFault {
        List<Answer> intervals = new Answer(scene.fleet().client(Part.MASTER_TARGET).ask("points", Map.of()))
                .groups("intervals");
        List<Position> found = new ArrayList<>();
        while (!intervals.isEmpty() && found.size() < count) {
            Answer each = intervals.get(random.nextInt(intervals.size()));
            Position from = Position.parse(each.text("from"));
            long length = Position.parse(each.text("to")).sequence() - from.sequence();
            found.add(from.plus(random.nextLong(length + 1)));
        }
        return found;
    }

    /** The writes after which the disk was as the point is. */
    private List<Ledger.Span> spansAt(Scene scene, String point) throws IOException, ControlFault {
        Map<String, Object> request = Map.of("at", point, "listen",
                "unix:" + scene.resolve("v" + views++ % 8 + ".sock"));
        try (OpenView view = OpenView.open(scene.fleet().client(Part.MASTER_TARGET), request);
                BlockDevice image = DiskSource.open(view.answer().groups("exports").getFirst().text("uri"))) {
            pointsChecked++;
            return ledger.spansOf(image, "point " + point);
        }
    }

    /** {@code ./check soak}. */
    @Command(name = "./check soak",
            description = "Real processes under load, killed, stopped, cut off and robbed of their spool.")
    static final class Program extends CheckProgram {
        @Option(names = "--minutes", paramLabel = "N", description = "How long they are maltreated.")
        private @Nullable Integer minutes;

        @Override
        void check(Findings findings) throws Exception {
            SoakScale scale = isShort() ? SoakScale.SHORT : SoakScale.LONG;
            long seconds = minutes == null ? scale.seconds() : TimeUnit.MINUTES.toSeconds(minutes);
            SoakCheck.run(new SoakScale(seconds, scale.positions()), findings);
        }
    }

    public static void main(String[] arguments) {
        CheckProgram.main(new Program(), arguments);
    }
}

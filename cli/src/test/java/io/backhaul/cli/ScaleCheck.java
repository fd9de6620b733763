package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.link.Credentials;
import io.backhaul.engine.link.TestAuthority;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Role;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Many sources on one process server, which is a process of its own, over real links to two master targets: what an idle
 * one takes there in memory; how far the others lag behind while one sends as much as it can; and how far while one of the
 * master targets is away, to which one in ten belongs.
 */
final class ScaleCheck {
    private static final int FEW = 20;
    private static final int ONE_IN = 10;
    private static final long IDLE_BYTES = 64 << 10;
    private static final long MIB = 1 << 20;
    private static final long LAG_MILLIS = 2000;
    private static final long LOOK_MILLIS = 20;
    private static final Pattern LIVE = Pattern.compile("(?m)^Total\\s+\\d+\\s+(\\d+)$");

    private final ScaleScale scale;
    private final Findings findings;
    private final Fleet fleet;
    private final TestAuthority authority;
    private final Crowd crowd;
    private final List<CrowdTarget> targets;
    private final Lags others = new Lags();
    private final Lags apart = new Lags();
    private final Lags flooder = new Lags();

    private ScaleCheck(ScaleScale scale, Findings findings, Path folder, NettyLoops loops) {
        this.scale = scale;
        this.findings = findings;
        this.fleet = new Fleet(folder, List.of());
        this.authority = new TestAuthority(folder.resolve("test-authority"));
        this.crowd = new Crowd(loops);
        this.targets = List.of(new CrowdTarget(authority.issue(Role.MASTER_TARGET), loops),
                new CrowdTarget(authority.issue(Role.MASTER_TARGET), loops));
    }

    static void run(ScaleScale scale, Findings findings) throws Exception {
        try (Workplace place = Scene.place(Path.of("/var/tmp")); NettyLoops loops = new NettyLoops(2)) {
            var check = new ScaleCheck(scale, findings, place.folder(), loops);
            try {
                check.run();
            } catch (AssertionError | Exception wrong) {
                Path log = check.fleet.log(Part.PROCESS_SERVER);
                System.err.println(Files.exists(log) ? Files.readString(log) : "no log");
                throw wrong;
            } finally {
                check.crowd.close();
                check.targets.forEach(CrowdTarget::close);
                check.fleet.close();
            }
        }
    }

    private static boolean isApart(int index) {
        return index % ONE_IN == 1;
    }

    private static UUID machine(int index) {
        return new UUID(0x5ca1eL << 12 | 0x4000, 0x8000_0000_0000_0000L | index);
    }

    private void run() throws IOException, InterruptedException, ControlFault {
        findings.put("sources", scale.sources());
        start();
        join(0, FEW);
        long few = liveBytes();
        findings.say(FEW + " sources are connected");
        join(FEW, scale.sources());
        findings.say(scale.sources() + " sources are connected");
        long each = (liveBytes() - few) / (scale.sources() - FEW);
        findings.put("idleBytes", each);
        assertThat(each).as("heap of the process server for each idle source").isLessThanOrEqualTo(IDLE_BYTES);
        crowd.trickle();
        flood();
        targetAway();
    }

    private void start() throws IOException, InterruptedException, ControlFault {
        for (CrowdTarget target : targets) {
            target.start();
        }
        Path own = Files.createDirectories(fleet.folder(Part.PROCESS_SERVER).resolve("credentials"));
        Credentials issued = authority.issue(Role.PROCESS_SERVER);
        for (Path file : List.of(issued.authority(), issued.certificate(), issued.key())) {
            Files.copy(file, own.resolve(file.getFileName()));
        }
        String away = IntStream.range(0, scale.sources()).filter(ScaleCheck::isApart)
                .mapToObj(index -> '"' + machine(index).toString() + '"').collect(Collectors.joining(", "));
        fleet.configure(Part.PROCESS_SERVER, """
                targets = [{ address = "%s", machines = ["*"] }, { address = "%s", machines = [%s] }]
                memory = 64MiB
                """.formatted(targets.getFirst().address(), targets.getLast().address(), away));
        fleet.start(Part.PROCESS_SERVER);
    }

    private void join(int from, int to) throws IOException {
        String address = fleet.listen(Part.PROCESS_SERVER).orElseThrow();
        for (int index = from; index < to; index++) {
            crowd.join(authority, machine(index), address, index == 0 ? flooder : isApart(index) ? apart : others);
        }
        Awaitility.await("everybody's first frame is journaled").atMost(Duration.ofMinutes(5))
                .until(() -> crowd.members().stream().allMatch(member -> member.lagNanos() == 0));
    }

    /** What is alive in the process server's heap, after a collection of all that is not. */
    private long liveBytes() throws IOException, InterruptedException {
        Process asked = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                Long.toString(fleet.child(Part.PROCESS_SERVER).pid()), "GC.class_histogram").redirectErrorStream(true)
                .start();
        String said = new String(asked.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        Matcher live = LIVE.matcher(said);
        assertThat(live.find()).as("a histogram: %s", said.lines().limit(3).toList()).isTrue();
        if (scale.showsHeap()) {
            System.err.println(said.lines().limit(40).collect(Collectors.joining("\n")));
        }
        return Long.parseLong(live.group(1));
    }

    /** Looks for so long; the largest lag that was seen of those who belong to the first master target, but for the first. */
    private long worstMillis(long seconds) throws InterruptedException {
        long worst = 0;
        long endNanos = SystemClock.INSTANCE.nanos() + seconds * 1_000_000_000L;
        while (SystemClock.INSTANCE.nanos() < endNanos) {
            for (int index = 1; index < scale.sources(); index++) {
                worst = isApart(index) ? worst : Math.max(worst, crowd.members().get(index).lagNanos());
            }
            Havoc.rest(LOOK_MILLIS);
        }
        return worst / 1_000_000;
    }

    private void flood() throws InterruptedException {
        Crowd.Member flooding = crowd.members().getFirst();
        Havoc.rest(2000);
        flooding.does(source -> source.flood(true));
        Havoc.rest(1000);
        others.clear();
        long before = flooding.source().journaledBytes();
        long worst = worstMillis(scale.floodSeconds());
        flooding.does(source -> source.flood(false));
        findings.put("floodMiBPerSecond", (flooding.source().journaledBytes() - before) / (MIB * scale.floodSeconds()));
        put("flood", worst);
        assertThat(worst).as("ms that the others lag behind while one floods").isLessThan(LAG_MILLIS);
    }

    private void put(String phase, long worstMillis) {
        findings.put(phase + "Frames", others.count());
        findings.put(phase + "LagP50Millis", others.millis(0.5));
        findings.put(phase + "LagP99Millis", others.millis(0.99));
        findings.put(phase + "LagWorstMillis", worstMillis);
        findings.say(phase + ": the others lagged " + worstMillis + " ms at most");
    }

    private void targetAway() throws InterruptedException, ControlFault {
        Awaitility.await("what was flooded has come through").atMost(Duration.ofMinutes(2))
                .until(() -> crowd.members().getFirst().lagNanos() == 0);
        targets.getLast().stop();
        others.clear();
        long worst = worstMillis(scale.awaySeconds());
        put("targetAway", worst);
        long least = IntStream.range(0, scale.sources()).filter(ScaleCheck::isApart)
                .mapToLong(index -> crowd.members().get(index).lagNanos()).min().orElseThrow();
        assertThat(least).as("ns that those lag behind whose master target is away").isGreaterThan(
                (scale.awaySeconds() - 2) * 1_000_000_000L);
        assertThat(worst).as("ms that the others lag behind while one master target is away").isLessThan(LAG_MILLIS);
        findings.put("memoryBytes", fleet.status(Part.PROCESS_SERVER).count("memoryBytes"));
        startAgain();
    }

    private void startAgain() {
        long beganNanos = SystemClock.INSTANCE.nanos();
        try {
            targets.getLast().start();
        } catch (IOException taken) {
            throw new AssertionError("the master target cannot listen again", taken);
        }
        crowd.rest();
        Awaitility.await("those catch up whose master target was away").atMost(Duration.ofMinutes(1))
                .until(() -> crowd.members().stream().allMatch(member -> member.lagNanos() == 0));
        findings.put("caughtUpMillis", (SystemClock.INSTANCE.nanos() - beganNanos) / 1_000_000);
    }

    /** {@code ./check scale}. */
    @Command(name = "./check scale",
            description = "Thousands of sources on one process server: memory, and who lags behind whom.")
    static final class Program extends CheckProgram {
        @Option(names = "--sources", paramLabel = "N", description = "How many sources there are.")
        private int sources;

        @Option(names = "--heap", description = "Shows what the heap holds.")
        private boolean heap;

        @Override
        void check(Findings findings) throws Exception {
            ScaleScale usual = isShort() ? ScaleScale.SHORT : ScaleScale.LONG;
            ScaleCheck.run(new ScaleScale(sources == 0 ? usual.sources() : sources, usual.floodSeconds(),
                    usual.awaySeconds(), heap), findings);
        }
    }

    public static void main(String[] arguments) {
        CheckProgram.main(new Program(), arguments);
    }
}

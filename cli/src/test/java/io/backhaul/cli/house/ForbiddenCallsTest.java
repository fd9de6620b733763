package io.backhaul.cli.house;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Time, chance, threads, files and sockets come into a role as constructor arguments, so that all of it can run under
 * one seeded scheduler. Only {@code engine} and {@code blockio} touch the real ones.
 */
class ForbiddenCallsTest {
    /** What may not be called: owner and member by pattern, and what to use instead. */
    private record Ban(String name, Pattern owner, Pattern member, String instead) {
        static Ban of(String name, String owner, String member, String instead) {
            return new Ban(name, Pattern.compile(owner), Pattern.compile(member), instead);
        }

        boolean covers(String calledOwner, String calledMember) {
            return owner.matcher(calledOwner).matches() && member.matcher(calledMember).matches();
        }
    }

    /** A place that may break one ban, and why. */
    private record Exemption(String type, String ban, String reason) {}

    private static final String NEW = "<init>";

    private static final List<Ban> BANS = List.of(
            Ban.of("clock", "java\\.lang\\.System", "nanoTime|currentTimeMillis", "the engine's Clock"),
            Ban.of("clock", "java\\.time\\.(Instant|Local(Date)?(Time)?|ZonedDateTime|OffsetDateTime|Year)", "now",
                    "the engine's Clock"),
            Ban.of("clock", "java\\.time\\.Clock", "system.*|tick.*", "the engine's Clock"),
            Ban.of("thread", "java\\.lang\\.Thread", "<init>|ofPlatform|ofVirtual|startVirtualThread|sleep|onSpinWait",
                    "a Loop or a Lane"),
            Ban.of("thread", "java\\.util\\.concurrent\\.(Executors|ForkJoinPool|(Scheduled)?ThreadPoolExecutor)", ".*",
                    "a Loop or a Lane"),
            Ban.of("thread", "java\\.util\\.(Timer|concurrent\\.CompletableFuture)",
                    "<init>\\(timer\\)|supplyAsync|runAsync|delayedExecutor|orTimeout|completeOnTimeout",
                    "a Loop or a Lane"),
            Ban.of("chance", "java\\.util\\.(Random|SplittableRandom)|java\\.security\\.SecureRandom", NEW,
                    "a source of chance given to the constructor"),
            Ban.of("chance", "java\\.util\\.concurrent\\.ThreadLocalRandom", ".*",
                    "a source of chance given to the constructor"),
            Ban.of("chance", "java\\.lang\\.Math|java\\.util\\.UUID", "random|randomUUID",
                    "a source of chance given to the constructor"),
            Ban.of("file", "java\\.nio\\.channels\\.(Asynchronous)?FileChannel", ".*", "a Volume or a BlockDevice"),
            Ban.of("file", "java\\.io\\.(RandomAccessFile|File(Input|Output)Stream)", NEW, "a Volume"),
            Ban.of("socket", "java\\.net\\.(Server|Datagram|Multicast)?Socket", NEW, "a Dialler or a LinkServer"),
            Ban.of("socket", "java\\.nio\\.channels\\.(Asynchronous)?(Server)?(Socket|Datagram)Channel", ".*",
                    "a Dialler or a LinkServer"),
            Ban.of("socket", "java\\.net\\.http\\.HttpClient|com\\.sun\\.net\\.httpserver\\.HttpServer", ".*",
                    "the engine's own"));

    /**
     * Rooms that the bans do not reach. engine and blockio hold the real things behind ports. cli is the program's
     * door: it starts processes, watches them and shows progress to a person, and nothing of it is simulated.
     */
    private static final List<String> FREE_ROOMS = List.of("io.backhaul.engine", "io.backhaul.blockio",
            "io.backhaul.cli");

    private static final List<Exemption> EXEMPTIONS = List.of(
            new Exemption("io.backhaul.management.Certificates", "chance",
                    "keys and serial numbers must be unpredictable, in a simulation too"),
            new Exemption("io.backhaul.source.SourceAgent", "chance",
                    "the door: it hands real chance to the head, which takes it from its constructor"),
            new Exemption("io.backhaul.processserver.ProcessServer", "chance",
                    "the door: it hands real chance to the head, which takes it from its constructor"),
            new Exemption("io.backhaul.mastertarget.MasterTarget", "chance",
                    "the door: it hands real chance to the head, which takes it from its constructor"));

    @TempDir
    private Path folder;

    /** Method references are accesses like any other. */
    private static List<String> violations(JavaClasses classes, List<Exemption> exemptions) {
        List<String> found = new ArrayList<>();
        for (JavaClass type : classes) {
            if (FREE_ROOMS.stream().anyMatch(room -> inside(type, room))) {
                continue;
            }
            for (Ban ban : BANS) {
                boolean exempt = exemptions.stream().anyMatch(each -> exempts(each, type, ban));
                if (!exempt) {
                    type.getAccessesFromSelf().stream().filter(access -> breaks(access, ban))
                            .map(access -> access.getDescription() + ": use " + ban.instead()).forEach(found::add);
                }
            }
        }
        return found;
    }

    private static boolean exempts(Exemption exemption, JavaClass type, Ban ban) {
        return exemption.ban().equals(ban.name())
                && (type.getName().equals(exemption.type()) || type.getName().startsWith(exemption.type() + "$"));
    }

    private static boolean inside(JavaClass type, String room) {
        return type.getPackageName().equals(room) || type.getPackageName().startsWith(room + ".");
    }

    private static boolean breaks(JavaAccess<?> access, Ban ban) {
        AccessTarget target = access.getTarget();
        String owner = target.getOwner().getName();
        String member = owner.equals("java.util.Timer") ? NEW + "(timer)" : target.getName();
        return ban.covers(owner, member) && !namesItsExecutor(target);
    }

    /** Work handed to an executor that came from elsewhere is no thread of one's own. */
    private static boolean namesItsExecutor(AccessTarget target) {
        return target instanceof AccessTarget.CodeUnitCallTarget call
                && call.getOwner().getName().equals("java.util.concurrent.CompletableFuture")
                && call.getRawParameterTypes().stream()
                        .anyMatch(type -> type.getName().equals("java.util.concurrent.Executor"));
    }

    @Test
    void rolesReachForNoRealClockThreadChanceFileOrSocket() {
        assertThat(violations(House.shipped(), EXEMPTIONS)).isEmpty();
    }

    @Test
    void everyExemptionIsStillNeeded() {
        for (Exemption exemption : EXEMPTIONS) {
            List<Exemption> others = EXEMPTIONS.stream().filter(each -> !each.equals(exemption)).toList();
            assertThat(violations(House.shipped(), others)).as("what %s is exempt from", exemption).isNotEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"System.nanoTime()", "System.currentTimeMillis()", "java.time.Instant.now()",
        "java.time.LocalDate.now()", "java.time.Clock.systemUTC()", "new Thread(() -> {})",
        "Thread.ofVirtual().unstarted(() -> {})", "java.util.concurrent.Executors.newCachedThreadPool()",
        "new java.util.Timer()", "java.util.concurrent.CompletableFuture.runAsync(() -> {})",
        "new java.util.Random(7)", "new java.util.SplittableRandom(7)", "Math.random()",
        "java.util.UUID.randomUUID()", "new java.security.SecureRandom()",
        "java.util.concurrent.ThreadLocalRandom.current()", "new java.net.Socket()",
        "(java.util.function.LongSupplier) System::nanoTime",
        "(java.util.function.Supplier<Object>) java.util.Random::new"})
    void everyBanCatchesItsCall(String call) {
        JavaClasses bad = Samples.compiled(folder,
                "package io.backhaul.source; class Bad { Object value() { return " + call + "; } }");
        assertThat(violations(bad, EXEMPTIONS)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Thread.sleep(1)", "java.nio.channels.FileChannel.open(java.nio.file.Path.of(\"x\"))",
        "new java.io.RandomAccessFile(\"x\", \"r\")", "new java.io.FileInputStream(\"x\")",
        "java.nio.channels.SocketChannel.open()", "new java.net.ServerSocket(0)",
        "java.nio.channels.ServerSocketChannel.open()"})
    void everyBanCatchesItsThrowingCall(String call) {
        JavaClasses bad = Samples.compiled(folder,
                "package io.backhaul.processserver; class Bad { void act() throws Exception { " + call + "; } }");
        assertThat(violations(bad, EXEMPTIONS)).hasSize(1);
    }

    @Test
    void workHandedToAnExecutorThatWasGivenIsAllowed() {
        JavaClasses good = Samples.compiled(folder, "package io.backhaul.source; class Good {"
                + " void act(java.util.concurrent.Executor given) {"
                + " java.util.concurrent.CompletableFuture.runAsync(() -> {}, given); } }");
        assertThat(violations(good, EXEMPTIONS)).isEmpty();
    }

    @Test
    void whatTheEngineCallsIsItsOwnAffair() {
        JavaClasses good = Samples.compiled(folder,
                "package io.backhaul.engine.time; class Good { long value() { return System.nanoTime(); } }");
        assertThat(violations(good, EXEMPTIONS)).isEmpty();
    }
}

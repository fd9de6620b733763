package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.management.CertificateAuthority;
import io.backhaul.engine.time.SystemClock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

class CommandLineTest {
    private static final String ID = "0b6e3a52-6f0e-4a49-9d8e-5d1f2a7c9e10";

    @TempDir
    private Path folder = Path.of("");
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final PrintStream realOut = System.out;
    private final PrintStream realErr = System.err;

    @BeforeEach
    void capture() {
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    @AfterEach
    void release() {
        System.setOut(realOut);
        System.setErr(realErr);
    }

    private void refuses(int exitCode, List<String> parts, String... arguments) {
        err.reset();
        out.reset();
        assertThat(Backhaul.run(arguments)).isEqualTo(exitCode);
        String said = err.toString(StandardCharsets.UTF_8);
        assertThat(said.lines()).as(said).hasSize(1);
        assertThat(said).startsWith("backhaul: ").contains(parts);
        assertThat(out.size()).isZero();
    }

    private Path file(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    @Test
    void anUnknownCommandOrFlagIsOneLineWithTheLikelyOne() {
        refuses(2, List.of("statsu", "did you mean status?"), "statsu");
        refuses(2, List.of("--jsn", "--json"), "verify", "a", "b", "--jsn");
        refuses(2, List.of("name a command"));
        refuses(2, List.of("name one of list, mark"), "points");
        refuses(2, List.of("--config"), "source", "run");
    }

    @Test
    void anUnknownKeyNamesFileLineAndTheRightOne() throws IOException {
        Path config = file("s.conf", "disks = [{ path = a }]\nprocess-server = [\"a:1\"]\n");
        refuses(2, List.of(config + ":2", "process-server is not a key", "process-servers"), "source", "run",
                "--config", config.toString());
    }

    @Test
    void aConfigurationThatIsNotThereIsToldByEveryDaemon() {
        for (String role : List.of("management", "source", "process-server", "master-target")) {
            refuses(2, List.of("/no/where.conf", "no such configuration file"), role, "run", "--config",
                    "/no/where.conf");
        }
    }

    @Test
    void aMissingDiskIsNamed() throws IOException {
        certificate("source", "credentials");
        Path config = file("s.conf", """
                disks = [{ path = "none.img" }]
                process-servers = ["127.0.0.1:1"]
                metrics = off
                """);
        refuses(1, List.of(folder.resolve("none.img").toString(), "no such"), "source", "run", "--config",
                config.toString());
    }

    @Test
    void aCertificateOfAnotherRoleIsNamed() throws IOException {
        certificate("source", "credentials");
        Path config = file("p.conf", "targets = [{ address = \"a:1\", machines = [\"*\"] }]\nmetrics = off\n");
        refuses(2, List.of("source/" + ID, "not of a process server"), "process-server", "run", "--config",
                config.toString());
    }

    @Test
    void aPortInUseIsNamed() throws IOException {
        certificate("process-server", "credentials");
        try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Path config = file("p.conf", "targets = [{ address = \"a:1\", machines = [\"*\"] }]\nmetrics = off\n"
                    + "listen = \"127.0.0.1:" + taken.getLocalPort() + "\"\n");
            refuses(1, List.of("127.0.0.1:" + taken.getLocalPort()), "process-server", "run", "--config",
                    config.toString());
        }
    }

    @Test
    void aRetentionVolumeThatIsNotThereIsNamedAndAMachineOnTwoOfThemToo() throws IOException {
        certificate("master-target", "credentials");
        String volumes = "metrics = off\nvolumes = [{ name = a, folder = a }, { name = b, folder = b }]\n";
        Path unknown = file("u.conf", volumes + "machines = [{ id = \"" + ID + "\", retention-volume = c }]\n");
        refuses(2, List.of(ID, "retention-volume = c", "there are: a, b"), "master-target", "run", "--config",
                unknown.toString());
        for (String name : List.of("a", "b")) {
            Files.createDirectories(folder.resolve(name).resolve("machines").resolve(ID));
        }
        refuses(1, List.of(ID, "lies on two retention volumes"), "master-target", "run", "--config",
                file("t.conf", volumes).toString());
    }

    @Test
    void missingCredentialsAreNamed() throws IOException {
        Path config = file("p.conf", "targets = [{ address = \"a:1\", machines = [\"*\"] }]\nmetrics = off\n");
        refuses(1, List.of(folder.resolve("credentials").toString()), "process-server", "run", "--config",
                config.toString());
    }

    private void certificate(String role, String to) throws IOException {
        if (!Files.exists(folder.resolve("ca"))) {
            CertificateAuthority.create(folder.resolve("ca"), SystemClock.INSTANCE);
        }
        assertThat(Backhaul.run("management", "issue", "--dir", folder.resolve("ca").toString(), "--role", role,
                "--id", ID, "--out", folder.resolve(to).toString())).isZero();
    }

    @Test
    void aDaemonThatDoesNotRunIsSaidSo() throws IOException {
        Path config = file("m.conf", "");
        refuses(1, List.of("not running"), "points", "list", "--config", config.toString());
        refuses(1, List.of("not running"), "promote", "--at", "latest", "--control", folder + "/x.sock");
        refuses(2, List.of("at least one daemon"), "status");
    }

    @Test
    void jsonIsAllThatStandsOnStdout() {
        assertThat(Backhaul.run("management", "init", "--dir", folder.resolve("a").toString(), "--json")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).startsWith("{").contains("\"authority\"").endsWith("}\n");
        assertThat(err.size()).isZero();
    }

    @Test
    void aWrongRoleOrIdIsNamed() {
        assertThat(Backhaul.run("management", "init", "--dir", folder.resolve("a").toString())).isZero();
        String authority = folder.resolve("a").toString();
        String target = folder.resolve("o").toString();
        refuses(2, List.of("no role 'king'", "master-target"), "management", "issue", "--dir", authority, "--role",
                "king", "--id", ID, "--out", target);
        refuses(2, List.of("'1' is no UUID"), "management", "issue", "--dir", authority, "--role", "source", "--id",
                "1", "--out", target);
    }

    @Test
    void verifyNamesTheFirstDifferingExtents() throws IOException {
        byte[] content = new byte[3 << 20];
        Path left = folder.resolve("left.img");
        Path right = folder.resolve("right.img");
        Files.write(left, content);
        content[1_500_000] = 1;
        content[1_507_000] = 1;
        Files.write(right, content);
        assertThat(Backhaul.run("verify", left.toString(), left.toString())).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("Identical: 3.0 MiB");
        out.reset();
        assertThat(Backhaul.run("verify", "--json", left.toString(), right.toString())).isEqualTo(1);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("\"identical\" : false")
                .contains("\"differingBytes\" : 8192").contains("\"offset\" : " + 1_500_000 / 4096 * 4096);
        refuses(1, List.of("none.img"), "verify", left.toString(), folder.resolve("none.img").toString());
    }

    @Test
    void disksOfDifferentSizesDiffer() throws IOException {
        Path left = Files.write(folder.resolve("left.img"), new byte[1 << 20]);
        Path right = Files.write(folder.resolve("right.img"), new byte[2 << 20]);
        assertThat(Backhaul.run("verify", left.toString(), right.toString())).isEqualTo(1);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("Different: 1.0 MiB of 2.0 MiB");
    }

    @Test
    void everyCommandHasHelpAndEveryPrintingOneJson() {
        for (CommandLine command : all(Backhaul.commandLine())) {
            String name = command.getCommandSpec().qualifiedName();
            assertThat(command.getCommandSpec().findOption("--help")).as(name).isNotNull();
            assertThat(command.getCommandSpec().usageMessage().description()).as(name).isNotEmpty();
            boolean isVerb = command.getCommand() instanceof Verb;
            boolean isDaemon = command.getCommand() instanceof DaemonVerb;
            if (isVerb && !isDaemon) {
                assertThat(command.getCommandSpec().findOption("--json")).as(name).isNotNull();
            }
        }
    }

    private static List<CommandLine> all(CommandLine command) {
        List<CommandLine> all = new ArrayList<>(List.of(command));
        command.getSubcommands().values().stream().filter(one -> !(one.getCommand() instanceof CommandLine.HelpCommand))
                .forEach(one -> all.addAll(all(one)));
        return all;
    }

    @Test
    void theMachineIsShownWithItsDisksAndTheCaptureThatWouldBeUsed() {
        assertThat(Backhaul.run("source", "check", "--json")).isZero();
        var result = new Answer(JsonMapper.shared().readValue(out.toString(StandardCharsets.UTF_8),
                new TypeReference<Map<String, Object>>() {}));
        assertThat(result.text("capture")).isIn("ebpf", "nbd");
        assertThat(result.text("why")).isNotBlank();
        assertThat(result.groups("findings")).extracting(finding -> finding.text("name")).contains("rights", "kernel");
        assertThat(result.groups("disks")).allSatisfy(disk -> assertThat(disk.count("sizeBytes")).isPositive());
    }

    @Test
    void whatIsNoBlockDeviceIsNamedInOneLine() {
        refuses(2, List.of(folder + ": is no block device"), "source", "check", folder.toString());
        refuses(2, List.of("there is no such device"), "source", "check", folder.resolve("sdx").toString());
    }

    @Test
    void theQuickstartRefusesWhatItCannotDo() throws IOException {
        refuses(2, List.of("--capture", "AUTO"), "quickstart", "--capture", "scan");
        refuses(2, List.of("--disk /no/where.img"), "quickstart", "--disk", "/no/where.img");
        refuses(2, List.of("--size must be"), "quickstart", "--size", "12");
        Files.createFile(folder.resolve("occupied"));
        String full = folder.toString().length() > 70 ? "too long" : "not empty";
        refuses(2, List.of(full), "quickstart", "--dir", folder.toString());
    }
}

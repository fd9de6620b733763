package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.backhaul.engine.time.SystemClock;
import io.backhaul.management.CertificateAuthority;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whoever comes without a certificate, or with one of another role, is refused, counted, and logged once. */
class RefusedPeersIT {
    private static final long TIMES = 3;
    private static final long PATIENCE_SECONDS = 20;

    @Test
    @Timeout(300)
    void aPeerWithoutTheRightCertificateIsRefusedCountedAndLoggedOnce() throws Exception {
        assumeTrue(Tool.find("openssl").isPresent(), "openssl is not installed (Debian: openssl): nobody is refused");
        try (Scene scene = Scene.of(8L << 20)) {
            Fleet fleet = scene.fleet();
            fleet.start();
            scene.awaitOrdered();
            Path authority = scene.resolve("authority");
            Path ownAuthority = fleet.folder(Part.SOURCE).resolve("credentials/ca.pem");
            Path target = fleet.folder(Part.MASTER_TARGET).resolve("credentials");
            CertificateAuthority foreign = CertificateAuthority.create(scene.resolve("foreign"), SystemClock.INSTANCE);
            foreign.issue(new Identity(Role.SOURCE, UUID.randomUUID()), scene.resolve("stranger"));
            assertThat(authority).exists();
            for (int time = 0; time < TIMES; time++) {
                assertThat(knock(fleet, ownAuthority, null)).as("without a certificate").contains("alert");
                assertThat(knock(fleet, ownAuthority, target)).as("another role's certificate").contains("alert");
                assertThat(knock(fleet, ownAuthority, scene.resolve("stranger"))).as("another authority's certificate")
                        .contains("alert");
            }
            Map<String, Long> each = Map.of("incoming links: no-certificate", TIMES, "incoming links: wrong-role",
                    TIMES,
                    "incoming links: untrusted", TIMES);
            Awaitility.await().atMost(Duration.ofSeconds(60))
                    .untilAsserted(() -> assertThat(refusals(fleet)).isEqualTo(each));
            Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> lines(scene).size() >= each.size());
            assertThat(lines(scene)).as("lines about refusals").hasSameSizeAs(each.keySet());
            each.keySet().forEach(subject -> assertThat(lines(scene)).as(subject)
                    .filteredOn(line -> line.contains(subject + ": ")).hasSize(1));
            scene.assertIdentical();
        }
    }

    private static boolean isRefusal(String text) {
        return text.contains(FaultCode.TLS_FAILED.label()) || text.contains(FaultCode.NOT_AUTHORISED.label());
    }

    /** How often each kind of refusal was counted. */
    private static Map<String, Long> refusals(Fleet fleet) throws Exception {
        return fleet.status(Part.PROCESS_SERVER).groups("faults").stream()
                .filter(fault -> isRefusal(fault.text("code")))
                .collect(Collectors.toMap(fault -> fault.text("subject"), fault -> fault.count("count")));
    }

    private static List<String> lines(Scene scene) {
        return scene.linesOf(Part.PROCESS_SERVER).stream().filter(RefusedPeersIT::isRefusal).toList();
    }

    /** Connects as openssl does, and answers what it says. */
    private static String knock(Fleet fleet, Path authority, @Nullable Path credentials)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("openssl", "s_client", "-connect",
                fleet.listen(Part.PROCESS_SERVER).orElseThrow(), "-tls1_3", "-CAfile", authority.toString(),
                "-ign_eof"));
        if (credentials != null) {
            command.addAll(List.of("-cert", credentials.resolve("cert.pem").toString(), "-key",
                    credentials.resolve("key.pem").toString()));
        }
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        return said;
    }
}

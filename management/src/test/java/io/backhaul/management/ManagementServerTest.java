package io.backhaul.management;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.control.ControlClient;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

class ManagementServerTest {
    private static final String ID = "0b6e3a52-6f0e-4a49-9d8e-5d1f2a7c9e10";

    @TempDir(cleanup = CleanupMode.ALWAYS)
    private Path folder = Path.of("");

    private Path config(String more) throws IOException {
        return Files.writeString(folder.resolve("m.conf"),
                "authority = ca\nmetrics = off\ncontrol = \"/tmp/bh-" + ProcessHandle.current().pid() + ".sock\"\n"
                        + more);
    }

    @Test
    void certificatesAreIssuedListedAndCountedOverTheControlSocket() throws Exception {
        CertificateAuthority.create(folder.resolve("ca"), SystemClock.INSTANCE);
        try (var server = ManagementServer.start(config("id = \"" + ID + "\""))) {
            var client = new ControlClient(server.control(), Duration.ofSeconds(30));
            Map<String, Object> issued = client.ask("issue",
                    Map.of("for", "source", "id", ID, "out", folder.resolve("s").toString()));
            assertThat(issued).containsEntry("identity", "backhaul://source/" + ID);
            assertThat(folder.resolve("s/key.pem")).exists();
            assertThat(client.ask("list", Map.of()).get("certificates")).asInstanceOf(
                    InstanceOfAssertFactories.LIST).hasSize(1);
            assertThat(client.ask("status", Map.of())).containsEntry("role", "management").containsEntry("id", ID)
                    .containsEntry("certificates", 1);
        }
    }

    @Test
    void aWrongRequestIsRefusedWithASentence() throws Exception {
        CertificateAuthority.create(folder.resolve("ca"), SystemClock.INSTANCE);
        try (var server = ManagementServer.start(config(""))) {
            var client = new ControlClient(server.control(), Duration.ofSeconds(30));
            for (Map<String, String> wrong : List.of(Map.of("for", "king", "id", ID, "out", "/x"),
                    Map.of("for", "source", "id", "1", "out", "/x"),
                    Map.of("for", "source", "id", ID, "out", "relative"))) {
                assertThatThrownBy(() -> client.ask("issue", wrong)).hasMessageContaining("a certificate needs");
            }
        }
    }

    @Test
    void withoutAnAuthorityItDoesNotStartAndSaysHowToMakeOne() throws Exception {
        Path config = config("");
        assertThatThrownBy(() -> ManagementServer.start(config)).isInstanceOf(IOException.class)
                .hasMessageContaining("management init");
    }

    @Test
    void anUnknownKeyIsRefused() throws Exception {
        Path config = config("autority = x");
        assertThatThrownBy(() -> ManagementServer.start(config)).isInstanceOf(ConfigException.class)
                .hasMessageContaining("did you mean authority?");
    }
}

package io.backhaul.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The model beside the code, by a checker that is not ours: {@code ./check model}. */
class ModelTest {
    private static final Path ROOT = Path.of(System.getProperty("house.root", "..")).toAbsolutePath();

    @TempDir
    Path folder;

    @Test
    void theRulesHoldAndEachThatIsBrokenIsRefuted() throws IOException, InterruptedException {
        Path said = folder.resolve("said");
        var command = new ProcessBuilder("sh", ROOT.resolve("checks/model").toString(), "--short");
        command.environment().put("BACKHAUL_ROOT", ROOT.toString());
        Process process = command.redirectErrorStream(true).redirectOutput(said.toFile()).start();
        try {
            assertThat(process.waitFor(10, TimeUnit.MINUTES)).as("./check model --short comes to an end").isTrue();
        } finally {
            process.destroy();
        }
        String text = Files.readString(said);
        System.out.println(text);
        assertThat(process.exitValue()).as(text).isZero();
        assertThat(text).contains("10 broken rules refuted; missed: none");
    }
}

package io.backhaul.blockio;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Other people's programs as judges. One that is missing fails the test where CI is true, and else ends it with a message. */
public final class Tool {
    private static final long LIMIT_SECONDS = 120;

    private Tool() {}

    /** Ends the test unless the program is there. */
    public static void need(String program) {
        if (Path.of(program).isAbsolute() && Files.isExecutable(Path.of(program))) {
            return;
        }
        for (String folder : System.getenv("PATH").split(":", -1)) {
            if (Files.isExecutable(Path.of(folder, program))) {
                return;
            }
        }
        absent("the program " + program + " is missing: ./check installs it");
    }

    /** Ends the test because something is missing: a failure where CI is true. */
    public static void absent(String what) {
        System.out.println("NOT RUN: " + what);
        assertThat(System.getenv("CI")).as("not run: %s", what).isNotEqualTo("true");
        Assumptions.abort(what);
    }

    /** Runs a program that must end well within two minutes, and returns what it printed. */
    public static String run(String... command) throws IOException, InterruptedException {
        Result result = attempt(command);
        assertThat(result.exitCode())
                .as("exit code of %s, which printed:%n%s", String.join(" ", command), result.printed()).isZero();
        return result.printed();
    }

    /** Runs a program, however it ends. */
    public static Result attempt(String... command) throws IOException, InterruptedException {
        need(command[0]);
        List<String> words = Arrays.asList(command);
        Path printed = Files.createTempFile("tool", ".out");
        try {
            Process process = new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(printed.toFile())
                    .start();
            if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new AssertionError(String.join(" ", words) + " did not end: " + Files.readString(printed));
            }
            return new Result(process.exitValue(), Files.readString(printed, StandardCharsets.UTF_8));
        } finally {
            Files.delete(printed);
        }
    }

    /** How a program ended and what it printed. */
    public record Result(int exitCode, String printed) {}
}

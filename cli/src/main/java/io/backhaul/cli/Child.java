package io.backhaul.cli;

import io.backhaul.engine.control.ControlClient;
import io.backhaul.engine.control.ControlFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A daemon as a process of its own, started by this program from the same classes. It ends when this program ends,
 * however that comes about: its stdin is a pipe from here. Owned by one thread, but for {@link #close}.
 */
final class Child implements AutoCloseable {
    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final long STOP_LIMIT_SECONDS = 30;
    private static final long POLL_MILLIS = 20;

    private final Part part;
    private final Path log;
    private final Process process;

    private Child(Part part, Path log, Process process) {
        this.part = part;
        this.log = log;
        this.process = process;
    }

    /** Starts it; its output goes to the end of {@code log}. */
    static Child start(Part part, Path config, Path log) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:+ExitOnOutOfMemoryError", "-Xshare:auto",
                "-XX:+UseSerialGC", "-Xmx256m", "-XX:MaxDirectMemorySize=256m"));
        command.addAll(ownOptions());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Backhaul.class.getName(), part.label(),
                "run", "--config", config.toString(), "--with-parent"));
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
        return new Child(part, log, process);
    }

    /** Those that {@code ./backhaul} gives to its own JVM, too. */
    private static List<String> ownOptions() {
        String options = System.getenv().getOrDefault("BACKHAUL_JAVA_OPTIONS", "");
        return Stream.of(options.split(" ", -1)).filter(option -> !option.isEmpty()).toList();
    }

    /** Waits until it answers at its control socket. */
    void awaitReady(ControlClient client) throws InterruptedException {
        long attempts = START_LIMIT.toMillis() / POLL_MILLIS;
        for (long attempt = 0; attempt < attempts; attempt++) {
            try {
                client.ask("status", Map.of());
                return;
            } catch (ControlFault notYet) {
                if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                    throw Failure.failed("the " + part.label() + " ended while it started: " + lastWords());
                }
            }
        }
        throw Failure.failed("the " + part.label() + " does not answer within " + START_LIMIT.toSeconds() + " s: "
                + lastWords());
    }

    /** The last line of its log. */
    String lastWords() {
        try {
            List<String> lines = Files.readAllLines(log);
            return lines.isEmpty() ? "it said nothing" : lines.getLast();
        } catch (IOException unreadable) {
            return "its log cannot be read: " + unreadable.getMessage();
        }
    }

    boolean isAlive() {
        return process.isAlive();
    }

    long pid() {
        return process.pid();
    }

    /** Ends it at once, as a power failure would: SIGKILL. */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }

    /** Ends it cleanly and answers its exit code. */
    int stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(STOP_LIMIT_SECONDS, TimeUnit.SECONDS)) {
            kill();
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(STOP_LIMIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException hurry) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}

package io.backhaul.cli;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.control.ControlClient;
import io.backhaul.engine.control.ControlServer;
import java.nio.file.Path;
import java.time.Duration;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Which daemon a command talks to: named by its configuration file or by its control socket. */
final class DaemonAddress {
    /** A daemon that says nothing for so long is taken for dead. */
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    @ArgGroup(multiplicity = "1", heading = "The daemon:%n")
    private Choice choice = new Choice();

    /** One of the two ways to name it. */
    static final class Choice {
        @Option(names = "--config", paramLabel = "FILE", description = "The daemon's configuration file.")
        private Path config = Path.of("");

        @Option(names = "--control", paramLabel = "SOCKET", description = "The daemon's control socket.")
        private Path control = Path.of("");
    }

    ControlClient client() throws ConfigException {
        return client(choice);
    }

    /** Asks the daemon that was named. */
    static ControlClient client(Choice choice) throws ConfigException {
        return new ControlClient(socket(choice), PATIENCE);
    }

    private static Path socket(Choice choice) throws ConfigException {
        if (!choice.control.toString().isEmpty()) {
            return choice.control;
        }
        return socketOf(choice.config);
    }

    /** The control socket of the daemon that runs with this configuration. */
    static Path socketOf(Path config) throws ConfigException {
        return Settings.peek(config, ControlServer.SOCKET).orElseThrow();
    }
}

package io.backhaul.cli;

import io.backhaul.processserver.ProcessServer;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;

/** The commands of the process-server. */
@Command(name = "process-server", description = "The relay between sources and master targets.",
        subcommands = ProcessServerCommands.Run.class)
final class ProcessServerCommands extends Group {
    /** Runs it. */
    @Command(name = "run", description = "Run the process server.")
    static final class Run extends DaemonVerb {
        Run() {
            super("process-server", file -> new Running(ProcessServer.start(file)));
        }
    }

    private record Running(ProcessServer server) implements Daemon {
        @Override
        public Path control() {
            return server.control();
        }

        @Override
        public void awaitStop() throws InterruptedException {
            server.awaitStop();
        }

        @Override
        public void close() throws IOException {
            server.close();
        }
    }
}

package io.backhaul.cli;

import io.backhaul.source.SourceAgent;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;

/** The commands of the source. */
@Command(name = "source", description = "The agent on a protected machine.",
        subcommands = {SourceCommands.Run.class, SourceCheckCommand.class, SourceVerifyCommand.class,
            SourceDetachCommand.class})
final class SourceCommands extends Group {
    /** Runs the agent. */
    @Command(name = "run", description = "Run the source agent.")
    static final class Run extends DaemonVerb {
        Run() {
            super("source", file -> new Running(SourceAgent.start(file)));
        }
    }

    private record Running(SourceAgent agent) implements Daemon {
        @Override
        public Path control() {
            return agent.control();
        }

        @Override
        public void awaitStop() throws InterruptedException {
            agent.awaitStop();
            if (!agent.failure().isEmpty()) {
                throw Failure.failed(agent.failure());
            }
        }

        @Override
        public void close() throws IOException {
            agent.close();
        }
    }
}

package io.backhaul.cli;

import io.backhaul.mastertarget.MasterTarget;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;

/** The commands of the master-target. */
@Command(name = "master-target", description = "The holder of journals, recovery points and disks.",
        subcommands = MasterTargetCommands.Run.class)
final class MasterTargetCommands extends Group {
    /** Runs it. */
    @Command(name = "run", description = "Run the master target.")
    static final class Run extends DaemonVerb {
        Run() {
            super("master-target", file -> new Running(MasterTarget.start(file)));
        }
    }

    private record Running(MasterTarget target) implements Daemon {
        @Override
        public Path control() {
            return target.control();
        }

        @Override
        public void awaitStop() throws InterruptedException {
            target.awaitStop();
        }

        @Override
        public void close() throws IOException {
            target.close();
        }
    }
}

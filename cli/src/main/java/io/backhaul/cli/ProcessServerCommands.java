package io.backhaul.cli;

import io.backhaul.processserver.ProcessServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The commands of the process-server. */
@Command(name = "process-server", description = "The relay between sources and master targets.",

        subcommands = {ProcessServerCommands.Run.class, ProcessServerCommands.Decommission.class,
            ProcessServerCommands.Reload.class})
final class ProcessServerCommands extends Group {
    /** Runs it. */
    @Command(name = "run", description = "Run the process server.")
    static final class Run extends DaemonVerb {
        Run() {
            super("process-server", file -> new Running(ProcessServer.start(file)));
        }
    }

    /** Asks whether it may go. */
    @Command(name = "decommission",
            description = "Say whether a process server may go: exit code 1 while anything is undelivered.")
    static final class Decommission extends Verb {
        @Mixin
        private DaemonAddress daemon = new DaemonAddress();

        @Mixin
        private Printing printing = new Printing();

        @Override
        public Integer call() throws Exception {
            Map<String, Object> answer = daemon.client().ask("decommission", Map.of());
            printing.print(answer, out -> out.println("Everything is delivered and no source is connected: stop it."));
            return Backhaul.DONE;
        }
    }

    /** Lets it read its limits again. */
    @Command(name = "reload",
            description = "Let a process server read its limits again; other keys wait for a restart.")
    static final class Reload extends Verb {
        @Mixin
        private DaemonAddress daemon = new DaemonAddress();

        @Mixin
        private Printing printing = new Printing();

        @Override
        public Integer call() throws Exception {
            Answer answer = new Answer(daemon.client().ask("reload", Map.of()));
            printing.print(answer.members(), out -> out.printf("%d limits, now %s for all together%n",
                    answer.count("limits"), answer.number("limitBytesPerSecond")
                            .map(rate -> Printing.bytes(rate) + "/s").orElse("none")));
            return Backhaul.DONE;
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

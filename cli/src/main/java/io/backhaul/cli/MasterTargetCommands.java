package io.backhaul.cli;

import io.backhaul.engine.time.SystemClock;
import io.backhaul.mastertarget.MasterTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The commands of the master-target. */
@Command(name = "master-target", description = "The holder of journals, recovery points and disks.",
        subcommands = {MasterTargetCommands.Run.class, MasterTargetCommands.Scrub.class})
final class MasterTargetCommands extends Group {
    /** Runs it. */
    @Command(name = "run", description = "Run the master target.")
    static final class Run extends DaemonVerb {
        Run() {
            super("master-target", file -> new Running(MasterTarget.start(file)));
        }
    }

    /** Has stored files read back. */
    @Command(name = "scrub",
            description = "Read back now what is stored of a machine, and say what has rotted: exit code 1 where something has.")
    static final class Scrub extends Verb {
        @Mixin
        private DaemonAddress daemon = new DaemonAddress();

        @Mixin
        private MachineOption machine = new MachineOption();

        @Mixin
        private Printing printing = new Printing();

        @Override
        public Integer call() throws Exception {
            Map<String, Object> answer;
            try (var bar = new ProgressLine("reading back", SystemClock.INSTANCE)) {
                answer = daemon.client().ask("scrub", machine.request(), line -> {
                    var now = new Answer(line);
                    bar.show(now.count("doneBytes"), now.count("totalBytes"), "");
                });
            }
            var result = new Answer(answer);
            List<Answer> damaged = result.groups("damaged");
            printing.print(answer, out -> {
                out.println(Printing.bytes(result.count("checkedBytes")) + " of machine " + result.text("machine")
                        + " read back, " + (damaged.isEmpty() ? "all as written." : damaged.size() + " damaged:"));
                damaged.forEach(each -> out.println("  " + each.text("file") + "  " + each.text("what")));
            });
            return damaged.isEmpty() ? Backhaul.DONE : Backhaul.FAILED;
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

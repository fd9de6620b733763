package io.backhaul.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The program's door: parses the command line and leaves with the exit code of the command it ran. */
@Command(name = "backhaul", mixinStandardHelpOptions = true, version = "backhaul 0.1.0",
        description = "Block-level replication of machines: source, process server, master target.")
public final class Backhaul implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** Runs the command that {@code args} name and exits: 0 done, 1 failed, 2 bad usage or configuration. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Backhaul()).execute(args));
    }

    @Override
    public void run() {
        spec.commandLine().usage(System.out);
    }
}

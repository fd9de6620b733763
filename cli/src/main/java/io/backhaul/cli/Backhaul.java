package io.backhaul.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The program's door: parses the command line and leaves with the exit code of the command it ran. */
@Command(name = "backhaul", mixinStandardHelpOptions = true, version = "backhaul 0.1.0", sortOptions = false,
        description = "Block-level replication of machines: source, process server, master target.",
        subcommands = {ManagementCommands.class, SourceCommands.class, ProcessServerCommands.class,
            MasterTargetCommands.class, StatusCommand.class, DatastoresCommand.class,
            PointsCommands.class, ResyncCommand.class, ExportCommand.class, PromoteCommand.class, VerifyCommand.class,
            QuickstartCommand.class, HelpCommand.class},
        footer = {"", "Exit codes: 0 done, 1 failed, 2 bad usage or configuration."})
public final class Backhaul implements Runnable {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** Runs the command that {@code args} name and exits: 0 done, 1 failed, 2 bad usage or configuration. */
    public static void main(String[] args) {
        System.exit(run(args));
    }

    /** Runs the command that {@code args} name and answers its exit code. */
    static int run(String... args) {
        boolean isDaemon = args.length > 1 && args[1].equals("run");
        System.setProperty("backhaul.log", isDaemon ? "INFO" : "WARN");
        return commandLine().execute(args);
    }

    static CommandLine commandLine() {
        var program = new CommandLine(new Backhaul());
        program.setCaseInsensitiveEnumValuesAllowed(true);
        program.setUsageHelpAutoWidth(true);
        program.setParameterExceptionHandler(Explanation::ofUsage);
        program.setExecutionExceptionHandler((failure, command, result) -> {
            Object verb = command.getCommand();
            return Explanation.ofFailure(failure, verb instanceof Verb known && known.isVerbose());
        });
        return program;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "name a command, such as quickstart or status");
    }
}

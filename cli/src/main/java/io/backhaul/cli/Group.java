package io.backhaul.cli;

import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that only groups others. */
@Command(mixinStandardHelpOptions = true)
abstract class Group implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        String names = spec.subcommands().keySet().stream().sorted().collect(Collectors.joining(", "));
        throw new ParameterException(spec.commandLine(), "name one of " + names);
    }
}

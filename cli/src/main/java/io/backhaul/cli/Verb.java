package io.backhaul.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What every command has. A command prints its result on stdout and everything else on stderr. */
@Command(mixinStandardHelpOptions = true)
abstract class Verb implements Callable<Integer> {
    @Option(names = "--verbose", description = "Show stack traces of failures.")
    private boolean verbose;

    /** Does it; the answer is the exit code. */
    @Override
    public abstract Integer call() throws Exception;

    boolean isVerbose() {
        return verbose;
    }
}

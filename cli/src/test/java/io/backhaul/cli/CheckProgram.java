package io.backhaul.cli;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A check as a program: the options that all have, the figures for people or for scripts, the exit code. */
@Command(mixinStandardHelpOptions = true, sortOptions = false)
abstract class CheckProgram implements Callable<Integer> {
    @Option(names = "--short", description = "Little of everything.")
    private boolean isShort;

    @Option(names = "--seed", paramLabel = "N", description = "What is drawn at random is drawn from it.")
    private long seed = SystemClock.INSTANCE.wallMicros();

    @Mixin
    private Printing printing = new Printing();

    boolean isShort() {
        return isShort;
    }

    /** Runs everything; what is wrong ends it with an exception, after which the findings say how far it came. */
    abstract void check(Findings findings) throws Exception;

    @Override
    public final Integer call() throws Exception {
        PrintStream result = System.out;
        System.setOut(System.err);
        var findings = new Findings(seed);
        String wrong = "";
        try {
            check(findings);
        } catch (AssertionError | IOException | ControlFault | Failure failed) {
            wrong = String.valueOf(failed.getMessage());
            System.err.println("check: " + wrong);
        } finally {
            System.setOut(result);
        }
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("good", wrong.isEmpty());
        figures.putAll(findings.figures());
        figures.put("seconds", findings.seconds());
        if (!wrong.isEmpty()) {
            figures.put("failure", wrong);
        }
        printing.print(figures, out -> figures.forEach((name, value) -> out.printf("%-24s %s%n", name, value)));
        return wrong.isEmpty() ? Backhaul.DONE : Backhaul.FAILED;
    }

    /** Runs a check as the arguments say, and ends this process. */
    static void main(CheckProgram program, String... arguments) {
        var line = new CommandLine(program);
        line.setParameterExceptionHandler(Explanation::ofUsage);
        System.exit(line.execute(arguments));
    }
}

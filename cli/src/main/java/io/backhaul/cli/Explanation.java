package io.backhaul.cli;

import io.backhaul.engine.config.ConfigException;
import java.net.BindException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Whatever ends a command, as one line and an exit code. The stack trace is shown with {@code --verbose} or where the
 * environment holds {@code BACKHAUL_DEBUG}.
 */
final class Explanation {
    private Explanation() {}

    /** For arguments that cannot be understood. */
    static int ofUsage(ParameterException wrong, String[] arguments) {
        CommandLine command = wrong.getCommandLine();
        String what = String.valueOf(wrong.getMessage()).replaceAll("\\s*\\R\\s*", " ");
        String near = wrong instanceof UnmatchedArgumentException unmatched
                ? unmatched.getSuggestions().stream().findFirst().map(name -> "; did you mean " + name + "?").orElse("")
                : "";
        System.err.println("backhaul: " + what + near + " (" + command.getCommandSpec().qualifiedName() + " --help)");
        return Backhaul.USAGE;
    }

    /** For a command that ended in an exception. */
    static int ofFailure(Exception failure, boolean verbose) {
        System.err.println("backhaul: " + line(failure));
        if (verbose || System.getenv("BACKHAUL_DEBUG") != null) {
            failure.printStackTrace(System.err);
        }
        return switch (failure) {
            case Failure known -> known.exitCode();
            case ConfigException wrong -> Backhaul.USAGE;
            default -> Backhaul.FAILED;
        };
    }

    /** One line that says what happened, why, and what to do. */
    static String line(Throwable failure) {
        String message = String.valueOf(failure.getMessage()).replaceAll("\\s*\\R\\s*", " ");
        return switch (failure) {
            case NoSuchFileException missing when missing.getReason() == null ->
                missing.getFile() + ": there is no such file; check the path";
            case AccessDeniedException denied ->
                denied.getFile() + ": this user may not open it; change its rights or the user";
            case FileAlreadyExistsException existing when existing.getReason() == null ->
                existing.getFile() + ": exists already; name another path or remove it";
            case FileSystemException refused when refused.getReason() != null ->
                refused.getFile() + ": " + refused.getReason();
            case BindException inUse -> message + "; free the port or name another one";
            case RuntimeException bug when !(bug instanceof Failure) ->
                "failed inside: " + bug.getClass().getSimpleName() + ": " + message
                        + " (BACKHAUL_DEBUG=1 shows where; please report it)";
            default -> message.equals("null") ? failure.getClass().getSimpleName() : message;
        };
    }
}

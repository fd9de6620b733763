package io.backhaul.cli;

/** Ends a command with one line for the operator and an exit code. */
final class Failure extends RuntimeException {
    private final int exitCode;

    private Failure(int exitCode, String message) {
        super(message, null, false, false);
        this.exitCode = exitCode;
    }

    /** What was asked for could not be done. */
    static Failure failed(String message) {
        return new Failure(Backhaul.FAILED, message);
    }

    /** What was asked for makes no sense. */
    static Failure usage(String message) {
        return new Failure(Backhaul.USAGE, message);
    }

    int exitCode() {
        return exitCode;
    }
}

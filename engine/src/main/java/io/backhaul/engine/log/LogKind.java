package io.backhaul.engine.log;

/** What a segment log is for; a log of one kind is not opened as the other. */
public enum LogKind {
    /** The process server's: frames on their way. */
    SPOOL(1),
    /** The master target's: frames that make up the retention window. */
    JOURNAL(2);

    private final int code;

    LogKind(int code) {
        this.code = code;
    }

    /** The byte in the segment header. */
    int code() {
        return code;
    }
}

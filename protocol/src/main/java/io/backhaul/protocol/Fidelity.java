package io.backhaul.protocol;

/** How truthfully an interval of the stream tells the order of writes. Recovery points exist in {@link #ORDERED} only. */
public enum Fidelity {
    /** First or repeated comparison of the disks: the replica is not yet any state of the source. */
    BASELINE(0),
    /** Blocks known to be dirty are read again; their order is unknown until all have been sent. */
    CATCH_UP(1),
    /** Every write, in order. */
    ORDERED(2);

    private final int code;

    Fidelity(int code) {
        this.code = code;
    }

    /** The byte that stands for this fidelity in frames and files. */
    public int code() {
        return code;
    }

    static Fidelity ofCode(int code) throws MalformedBodyException {
        return switch (code) {
            case 0 -> BASELINE;
            case 1 -> CATCH_UP;
            case 2 -> ORDERED;
            default -> throw new MalformedBodyException("fidelity " + code);
        };
    }
}

package io.backhaul.mastertarget;

/** A stretch of a base disk, by the offsets of its bytes. */
record BaseStretch(int disk, long from, long to) {
    boolean holds(BaseStretch other) {
        return disk == other.disk && from <= other.from && other.to <= to;
    }

    boolean meets(BaseStretch other) {
        return disk == other.disk && from <= other.to && other.from <= to;
    }

    /** Both, and what lies between; they are of one disk. */
    BaseStretch with(BaseStretch other) {
        return new BaseStretch(disk, Math.min(from, other.from), Math.max(to, other.to));
    }

    /** How far the two are from each other. */
    long distance(BaseStretch other) {
        return Math.max(0, Math.max(from - other.to, other.from - to));
    }

    @Override
    public String toString() {
        return (to - from) + " bytes at " + from;
    }
}

package io.backhaul.simulation.world;

/** How bytes travel between two hosts just now. Changes hold for standing connections too. */
public final class Cable {
    /** What the network does. */
    public enum Mode {
        /** Carries. */
        OPEN,
        /** Holds everything back, and delivers it later: lost packets that are sent again. */
        STALLED,
        /** Swallows everything and tells nobody: a standing connection it struck never carries again. */
        SILENT,
        /** Answers every connection attempt with a refusal; standing connections go on. */
        REFUSING
    }

    private final String name;
    private Mode mode = Mode.OPEN;
    private long latencyNanos = 200_000;
    private long jitterNanos = 100_000;
    private long bytesPerSecond = 1 << 30;
    private double cutChance;

    Cable(String name) {
        this.name = name;
    }

    public Mode mode() {
        return mode;
    }

    public void mode(Mode next) {
        mode = next;
    }

    /** Delay of every chunk, and how much more it may be. */
    public void latency(long nanos, long jitter) {
        latencyNanos = nanos;
        jitterNanos = jitter;
    }

    public void rate(long bytesEachSecond) {
        bytesPerSecond = bytesEachSecond;
    }

    /** How likely each chunk is the last that its connection carries, cut off in the middle. */
    public void cutChance(double probability) {
        cutChance = probability;
    }

    /** Everything as new. */
    public void mend() {
        mode = Mode.OPEN;
        latency(200_000, 100_000);
        rate(1 << 30);
        cutChance = 0;
    }

    double cutChance() {
        return cutChance;
    }

    long travelNanos(Dice dice) {
        return latencyNanos + dice.between(0, jitterNanos);
    }

    long sendingNanos(int bytes) {
        return bytes * 1_000_000_000L / bytesPerSecond;
    }

    @Override
    public String toString() {
        return name;
    }
}

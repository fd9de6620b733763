package io.backhaul.simulation.world;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Chance, from a seed and a purpose. Each purpose has dice of its own, so that switching one kind of fault off leaves the
 * others' throws as they were. The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014).
 */
public final class Dice implements RandomGenerator {
    private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;
    private final long seed;
    private long state;

    public Dice(long seed, String purpose) {
        this.seed = mix(seed + GOLDEN_GAMMA) ^ mix(purpose.hashCode() * GOLDEN_GAMMA);
        this.state = this.seed;
    }

    /** Dice for a part of this purpose; independent of how often these have been thrown. */
    public Dice fork(String purpose) {
        return new Dice(seed, purpose);
    }

    @Override
    public long nextLong() {
        state += GOLDEN_GAMMA;
        return mix(state);
    }

    static long mix(long value) {
        long mixed = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }

    /** True with the given probability. */
    public boolean chance(double probability) {
        return nextDouble() < probability;
    }

    /** A number from the closed range. */
    public long between(long low, long high) {
        return low >= high ? low : low + nextLong(high - low + 1);
    }

    /** A number from the closed range; each power of two in it is about as likely as another. */
    public long scaled(long low, long high) {
        double floor = StrictMath.log((double) low);
        double exponent = floor + nextDouble() * (StrictMath.log((double) high) - floor);
        return Math.clamp(Math.round(StrictMath.exp(exponent)), low, high);
    }

    public <T> T pick(List<T> choices) {
        return choices.get(nextInt(choices.size()));
    }
}

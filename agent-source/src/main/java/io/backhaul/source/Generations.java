package io.backhaul.source;

import java.util.random.RandomGenerator;

/**
 * Which generation a process begins, and which are somebody else's. One that does not follow on this process's own lies a
 * random step above what is known, so that neither two agents which begin with the same state, as a machine and its clone do,
 * nor one that has lost its state give the same position to different records; and what lies in between was sent by another
 * agent with this machine's id. Only the very first generation of a machine is 1. Owned by the session's loop.
 */
final class Generations {
    private static final int MAX_STEP = 1 << 20;
    private final RandomGenerator random;
    private final long inherited;
    private long first;
    private long last;

    /**
     * @param inherited
     *            the highest generation that the state knew at the start
     */
    Generations(RandomGenerator random, long inherited) {
        this.random = random;
        this.inherited = inherited;
    }

    /** The generation to begin, above one that is known. */
    long after(long known) {
        long next = known > 0 && known != last ? beyondWhatIsKnown(random, known) : known + 1;
        first = first == 0 ? next : first;
        last = next;
        return next;
    }

    static long beyondWhatIsKnown(RandomGenerator random, long known) {
        return known + 1 + random.nextInt(MAX_STEP);
    }

    /**
     * Whether somebody else has begun a generation, after the state of this process had been written and before this process
     * began its own. What this process sends builds upon neither then.
     *
     * @param lineage
     *            from which generation on nothing older is built upon
     */
    boolean isForeign(long generation, long lineage) {
        return generation > inherited && generation < first && lineage < first;
    }
}

package io.backhaul.processserver;

import io.backhaul.protocol.Positions;
import java.util.UUID;

/**
 * How one machine stands, at one instant.
 *
 * @param state
 *            what is going on, in a word
 * @param trouble
 *            what is wrong and what to do; empty where nothing is
 * @param spoolBytes
 *            what the spool takes on disk
 * @param lagBytes
 *            what came in and is not journaled yet
 * @param lagMicros
 *            how old the oldest of it is
 * @param memoryBytes
 *            what frames take in memory
 * @param receivedBytes
 *            what came from the source since the start
 * @param forwardedBytes
 *            what went to the target since the start
 * @param limit
 *            how fast it may go there now
 */
public record MachineStatus(UUID machine, String state, String target, boolean sourceLinked, boolean delivered,
        String trouble, Positions positions, long spoolBytes, long lagBytes, long lagMicros, long memoryBytes,
        long receivedBytes, long forwardedBytes, Limit limit) {
    /**
     * What limits it.
     *
     * @param bytesPerSecond
     *            {@link Throttle#UNBOUNDED} where nothing limits it
     * @param holdsBack
     *            whether a frame waits for its turn
     */
    public record Limit(long bytesPerSecond, boolean holdsBack) {}
}

package io.backhaul.source;

import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Position;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What a start of the agent may rely upon of what it finds in its state folder. */
sealed interface StartRule {
    /** Nothing was ever sent from this state: whoever answers first tells which generation may be used. */
    record Fresh(String why) implements StartRule {}

    /** What the dirty map says is all that is missing. */
    record GoOn() implements StartRule {}

    /** The stream itself goes on where an earlier life of the agent has left it. */
    record Resume(Observation.Continuation at) implements StartRule {}

    /** Something may have been missed: all disks are compared from their beginning. */
    record CompareAll(String why) implements StartRule {}

    /** What is found at a start. */
    record Findings(@Nullable SourceState state, boolean dirtyMapWhole, UUID bootId, List<DiskInfo> disks,
            List<String> fingerprints) {}

    /**
     * What may be relied upon where a capture observes the disks, whether the agent runs or not.
     *
     * @param pending
     *            whether the dirty map knows of blocks that are in no record
     */
    static StartRule judge(Findings found, Observation observation, boolean pending) {
        SourceState state = found.state();
        if (state == null || state.generation() == 0) {
            return new Fresh("first start");
        }
        long since = observation.unbrokenSince();
        if (since == 0 || since > state.generation()) {
            // That nobody wrote meanwhile would not help: what the kernel had kept has gone with it.
            return new CompareAll("the disks have not been observed since the last run without a break");
        }
        if (!state.diskInfos().equals(found.disks())) {
            return new CompareAll("the disks are not those of the last run");
        }
        if (!found.dirtyMapWhole()) {
            return new CompareAll("the dirty map is lost");
        }
        Observation.Continuation at = observation.continuation();
        if (at != null && at.last().generation() == state.generation() && !pending) {
            return new Resume(at);
        }
        return state.journaled().equals(Position.NONE)
                ? new CompareAll("nothing is known to be journaled")
                : new GoOn();
    }

    /**
     * What may be relied upon.
     *
     * @param tracking
     *            whether all writes pass through the agent while it runs
     */
    static StartRule judge(Findings found, boolean tracking) {
        SourceState state = found.state();
        if (state == null || state.generation() == 0) {
            return new Fresh("first start");
        }
        if (!state.diskInfos().equals(found.disks())) {
            return new CompareAll("the disks are not those of the last run");
        }
        if (!found.dirtyMapWhole()) {
            return new CompareAll("the dirty map is lost");
        }
        if (state.journaled().equals(Position.NONE)) {
            return new CompareAll("nothing is known to be journaled");
        }
        if (state.run().observed()) {
            return new CompareAll("so far writes were seen in the kernel, and now they are not");
        }
        if (state.run().doubted() && !state.bootId().equals(found.bootId())) {
            return new CompareAll("a disk had failed to make writes durable before the machine was started anew");
        }
        if (state.run().clean() || !tracking) {
            return isUntouched(state, found.fingerprints())
                    ? new GoOn()
                    : new CompareAll("the disks may have been written to while the agent was stopped");
        }
        return state.bootId().equals(found.bootId())
                ? new GoOn()
                : new CompareAll("the machine was started anew and the agent had not been stopped before");
    }

    private static boolean isUntouched(SourceState state, List<String> fingerprints) {
        for (int i = 0; i < fingerprints.size(); i++) {
            String then = state.disks().get(i).fingerprint();
            if (then.isEmpty() || !then.equals(fingerprints.get(i))) {
                return false;
            }
        }
        return true;
    }
}

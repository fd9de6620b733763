package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Position;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class StartRuleTest {
    private static final UUID BOOT = new UUID(1, 1);
    private static final List<DiskInfo> DISKS = List.of(new DiskInfo(0, "a", 1 << 20, 512));
    private static final SourceState RUNNING = new SourceState(3, true, BOOT, new UUID(4, 4), new Position(3, 7), false,
            SourceState.Run.OPEN,
            List.of(new SourceState.DiskState(DISKS.getFirst(), 0, "")));
    private static final SourceState STOPPED = RUNNING.stopped(List.of("same"));

    private static StartRule judge(SourceState state, UUID boot, String fingerprint) {
        return StartRule.judge(new StartRule.Findings(state, true, boot, DISKS, List.of(fingerprint)), true);
    }

    @Test
    void anEmptyFolderIsAFreshStart() {
        var nothing = new StartRule.Findings(null, false, BOOT, DISKS, List.of(""));
        assertThat(StartRule.judge(nothing, true)).isInstanceOf(StartRule.Fresh.class);
    }

    @Test
    void aKillInTheSameBootGoesOn() {
        assertThat(judge(RUNNING, BOOT, "other")).isInstanceOf(StartRule.GoOn.class);
    }

    @Test
    void anotherBootWithoutACleanStopCompares() {
        assertThat(judge(RUNNING, new UUID(2, 2), "")).isInstanceOf(StartRule.CompareAll.class);
    }

    @Test
    void aCleanStopGoesOnWhereTheDisksAreUntouchedWhateverTheBoot() {
        assertThat(judge(STOPPED, new UUID(2, 2), "same")).isInstanceOf(StartRule.GoOn.class);
        assertThat(judge(STOPPED, BOOT, "other")).isInstanceOf(StartRule.CompareAll.class);
        assertThat(judge(RUNNING.stopped(List.of("")), BOOT, "")).isInstanceOf(StartRule.CompareAll.class);
    }

    @Test
    void aDiskThatFailedToMakeWritesDurableIsNotTrustedInAnotherBootHoweverTheAgentEnded() {
        SourceState doubted = RUNNING.doubted();
        UUID next = new UUID(2, 2);
        assertThat(judge(doubted.stopped(List.of("same")), next, "same")).isInstanceOf(StartRule.CompareAll.class);
        assertThat(judge(doubted.stopped(List.of("same")), BOOT, "same")).isInstanceOf(StartRule.GoOn.class);
        assertThat(judge(doubted.stopped(List.of("same")), BOOT, "other")).isInstanceOf(StartRule.CompareAll.class);
        SourceState again = doubted.opened(BOOT).stopped(List.of("same"));
        assertThat(judge(again, next, "same")).as("a later run in that boot").isInstanceOf(StartRule.CompareAll.class);
        assertThat(judge(doubted.opened(next).stopped(List.of("same")), new UUID(3, 3), "same"))
                .as("a run in the next boot").isInstanceOf(StartRule.GoOn.class);
    }

    @Test
    void whoDoesNotObserveCannotTellWhatWasWrittenSinceSomebodyDid() {
        assertThat(judge(RUNNING.observed(), BOOT, "")).isInstanceOf(StartRule.CompareAll.class);
        assertThat(judge(RUNNING.observed().stopped(List.of("same")), BOOT, "same"))
                .as("what was written while the agent ended").isInstanceOf(StartRule.CompareAll.class);
        assertThat(judge(RUNNING.observed().opened(BOOT), BOOT, "")).as("a later run")
                .isInstanceOf(StartRule.GoOn.class);
    }

    @Test
    void otherDisksALostMapOrAnUnknownBasisCompare() {
        var others = List.of(new DiskInfo(0, "b", 1 << 20, 512));
        assertThat(StartRule.judge(new StartRule.Findings(RUNNING, true, BOOT, others, List.of("")), true))
                .isInstanceOf(StartRule.CompareAll.class);
        assertThat(StartRule.judge(new StartRule.Findings(RUNNING, false, BOOT, DISKS, List.of("")), true))
                .isInstanceOf(StartRule.CompareAll.class);
        assertThat(judge(RUNNING.withJournaled(Position.NONE), BOOT, "")).isInstanceOf(StartRule.CompareAll.class);
    }

    @Test
    void aScanTrustsNothingButAnUntouchedDisk() {
        SourceState scanned = RUNNING.stopped(List.of("same"));
        var same = new StartRule.Findings(scanned, true, BOOT, DISKS, List.of("same"));
        var other = new StartRule.Findings(scanned, true, BOOT, DISKS, List.of("other"));
        assertThat(StartRule.judge(same, false)).isInstanceOf(StartRule.GoOn.class);
        assertThat(StartRule.judge(other, false)).isInstanceOf(StartRule.CompareAll.class);
    }
}

package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the master target cannot give back any more is read and sent again. */
class ResendingTest {
    private static final long FIRST_DISK = (3 << 20) + (64 << 10) + 512;
    private static final long SECOND_DISK = 1 << 20;
    private static final long BLOCK = 64 << 10;
    private static final long SECOND = 1_000_000_000L;

    private static Rig converged(long seed) {
        Rig rig = new Rig(seed, FIRST_DISK, SECOND_DISK);
        rig.start();
        for (int i = 0; i < 60; i++) {
            rig.writeSomewhere(32 << 10);
            rig.steps.step();
        }
        rig.converge();
        return rig;
    }

    private static void pass(Rig rig, long nanos) {
        long end = rig.steps.clock().nanos() + nanos;
        rig.steps.until(() -> rig.steps.clock().nanos() > end, 1_000_000, "time passes");
    }

    /** What the replica has there is lost. */
    private static Resend.Extent damage(Rig rig, int disk, int offset, int lengthBytes) {
        byte[] bytes = rig.downstream.replica.get(disk);
        for (int i = offset; i < offset + lengthBytes; i++) {
            bytes[i] ^= 0x55;
        }
        return new Resend.Extent(disk, offset, lengthBytes);
    }

    private static void untilHeeded(Rig rig, long bytes) {
        rig.steps.until(() -> rig.machine().status().traffic().resentBytes() == bytes, 100_000, "it is heeded");
    }

    @Test
    void blocksAreSentAgainOutOfOrderAndOrderComesBack() {
        Rig rig = converged(1);
        Position before = rig.machine().stream().captured();
        long reconciled = rig.downstream.reconciledBytes;
        Resend.Extent first = damage(rig, 0, 300_000, 5000);
        Resend.Extent second = damage(rig, 1, 512, 512);
        rig.downstream.askAgain(rig.downstream.journaled(), first, second);
        untilHeeded(rig, 5512);
        assertThat(rig.machine().stream().isOrdered()).isFalse();
        rig.converge();
        assertThat(rig.machine().stream().captured().generation()).isEqualTo(before.generation());
        assertThat(rig.machine().stream().isOrdered()).isTrue();
        assertThat(rig.downstream.fidelity()).isEqualTo(Fidelity.ORDERED);
        assertThat(rig.downstream.reconciledBytes - reconciled).as("what was read and sent")
                .isBetween(1L, 3 * BLOCK);
        assertThat(rig.faults().recent()).noneMatch(fault -> fault.code() == FaultCode.CAPTURE_OVERFLOW);
        assertThat(rig.machine().status().traffic().overflows()).isZero();
    }

    @Test
    void whoAsksOutOfAStateFromBeforeTheAnswerIsNotHeededAgain() {
        Rig rig = converged(2);
        Position before = rig.downstream.journaled();
        Resend.Extent extent = damage(rig, 0, 0, 512);
        rig.downstream.askAgain(before, extent);
        untilHeeded(rig, 512);
        rig.converge();
        pass(rig, 30 * SECOND);
        Position captured = rig.machine().stream().captured();
        rig.downstream.askAgain(before, extent);
        pass(rig, SECOND);
        assertThat(rig.machine().stream().captured()).isEqualTo(captured);
        rig.downstream.askAgain(rig.downstream.journaled(), damage(rig, 0, 0, 512));
        untilHeeded(rig, 1024);
        rig.converge();
    }

    @Test
    void nobodyKeepsItFromOrderByAskingAgainAndAgain() {
        Rig rig = converged(3);
        for (long end = rig.steps.clock().nanos() + 29 * SECOND; rig.steps.clock().nanos() < end;) {
            rig.downstream.askAgain(rig.machine().stream().captured(), new Resend.Extent(0, 0, 512));
            pass(rig, SECOND / 10);
        }
        assertThat(rig.machine().status().traffic().resentBytes()).as("once in ten seconds").isEqualTo(3 * 512);
        rig.converge();
    }

    @Test
    void nothingIsAddedToAnAnswerThatTakesLong() {
        Rig rig = converged(8);
        rig.devices.get(0).failReads = 4;
        rig.downstream.askAgain(rig.downstream.journaled(), damage(rig, 0, 0, 512));
        untilHeeded(rig, 512);
        long end = rig.steps.clock().nanos() + 15 * SECOND;
        while (rig.steps.clock().nanos() < end) {
            rig.downstream.askAgain(rig.machine().stream().captured(), new Resend.Extent(1, 0, 512));
            pass(rig, SECOND / 10);
        }
        assertThat(rig.machine().stream().isOrdered()).isFalse();
        assertThat(rig.machine().status().traffic().resentBytes()).isEqualTo(512);
        rig.converge();
    }

    @Test
    void whatLiesOnNoDiskIsLeftOut() {
        Rig rig = converged(4);
        Position captured = rig.machine().stream().captured();
        Resend.Extent noDisk = new Resend.Extent(2, 0, 512);
        Resend.Extent beyond = new Resend.Extent(1, SECOND_DISK - 512, 1024);
        rig.downstream.askAgain(captured, noDisk, beyond);
        pass(rig, SECOND);
        assertThat(rig.machine().stream().captured()).isEqualTo(captured);
        pass(rig, 10 * SECOND);
        rig.downstream.askAgain(captured, noDisk, damage(rig, 1, (int) SECOND_DISK - 512, 512), beyond);
        untilHeeded(rig, 512);
        rig.converge();
    }

    @Test
    void aStateThatNeverWasIsNotAskedFor() {
        Rig rig = converged(5);
        Position captured = rig.machine().stream().captured();
        rig.downstream.askAgain(captured.plus(1), new Resend.Extent(0, 0, 512));
        pass(rig, SECOND);
        assertThat(rig.machine().stream().captured()).isEqualTo(captured);
    }

    @Test
    void aComparisonThatIsUnderWaySendsItToo() {
        Rig rig = converged(6);
        rig.machine().resync(Troubles.ignore());
        rig.steps.until(() -> !rig.machine().stream().isOrdered(), 100_000, "a comparison");
        Resend.Extent extent = damage(rig, 0, 1 << 20, 4096);
        rig.downstream.askAgain(rig.downstream.journaled(), extent);
        untilHeeded(rig, 4096);
        rig.converge();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAgentThatEndsAmidOfItGoesOnWithItInItsNextLife(boolean killed) {
        Rig rig = converged(7);
        pass(rig, 3 * SECOND);
        rig.downstream.spooling = false;
        Resend.Extent extent = damage(rig, 0, 1 << 20, 4096);
        rig.downstream.askAgain(rig.downstream.journaled(), extent);
        untilHeeded(rig, 4096);
        if (killed) {
            rig.kill();
        } else {
            rig.stop();
        }
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations).hasSize(2);
        assertThat(rig.downstream.generations.getLast().fidelity()).isEqualTo(Fidelity.CATCH_UP);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void everyOrderedPositionIsTheSourceWhateverIsAskedForMeanwhile(long seed) {
        Rig rig = new Rig(seed, FIRST_DISK, SECOND_DISK);
        new Troubles(rig).asking().run(300);
        assertThat(rig.orderedFramesChecked).isPositive();
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14})
    void nothingComesBetweenWhatAnEarlierLifeHasSent(long seed) {
        ObservedRig rig = new ObservedRig(seed, 256 << 10, 1 << 20, 512 << 10);
        rig.start();
        for (int i = 0; i < 10; i++) {
            rig.writeSomewhere(32 << 10);
        }
        rig.converge();
        Position before = rig.machine().stream().captured();
        rig.downstream.reachable = false;
        rig.downstream.cut();
        for (int i = 0; i < 10; i++) {
            rig.writeSomewhere(4 << 10);
            rig.steps.step();
        }
        rig.steps.until(() -> rig.machine().stream().captured().sequence() >= before.sequence() + 5, 1_000_000,
                "the writes are in the stream");
        rig.kill();
        rig.downstream.reachable = true;
        rig.start();
        rig.steps.until(() -> rig.machine().stream().isReplaying(), 100_000, "what was kept is repeated");
        assertThat(rig.machine().stream().sendAgain(List.of(new Resend.Extent(0, 0, 512)))).isNull();
        rig.converge();
        assertThat(rig.downstream.generations).hasSize(1);
    }

    @Test
    void anObservedMachineDoesTheSameAndStaysInOrderAcrossAKill() {
        ObservedRig rig = new ObservedRig(9, 256 << 10, 1 << 20, 512 << 10);
        rig.start();
        for (int i = 0; i < 10; i++) {
            rig.writeSomewhere(32 << 10);
        }
        rig.converge();
        byte[] replica = rig.downstream.replica.get(0);
        Arrays.fill(replica, 65_536, 66_048, (byte) 1);
        rig.downstream.askAgain(rig.downstream.journaled(), new Resend.Extent(0, 65_536, 512));
        rig.steps.until(() -> rig.machine().status().traffic().resentBytes() == 512, 100_000, "it is heeded");
        rig.writeSomewhere(8 << 10);
        rig.converge();
        assertThat(rig.downstream.generations).hasSize(1);
        for (int step = 0; step < 100; step++) {
            rig.steps.step();
        }
        rig.kill();
        rig.start();
        rig.writeSomewhere(8 << 10);
        rig.converge();
        assertThat(rig.downstream.generations).as("it goes on in order").hasSize(1);
    }
}

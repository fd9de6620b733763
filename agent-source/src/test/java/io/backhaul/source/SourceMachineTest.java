package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.stream.HopTiming;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Refusal;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.LongStream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SourceMachineTest {
    private static final long FIRST_DISK = (3 << 20) + (64 << 10) + 512;
    private static final long SECOND_DISK = 1 << 20;

    private static Rig converged(long seed) {
        Rig rig = new Rig(seed, FIRST_DISK, SECOND_DISK);
        rig.start();
        writeMuch(rig, 60);
        rig.converge();
        return rig;
    }

    private static void writeMuch(Rig rig, int writes) {
        for (int i = 0; i < writes; i++) {
            rig.writeSomewhere(32 << 10);
            rig.steps.step();
        }
    }

    /** Lets the state's timer tick a few times. */
    private static void settle(Rig rig) {
        long end = rig.steps.clock().nanos() + 3_000_000_000L;
        rig.steps.until(() -> rig.steps.clock().nanos() > end, 1_000_000, "three seconds");
    }

    static LongStream seeds() {
        long first = Long.getLong("source.seed", 1);
        return LongStream.range(first, first + Integer.getInteger("source.seeds", 12));
    }

    /** Also seeds that have found something once. */
    static LongStream keptSeeds() {
        return LongStream.of(39, 53, 81);
    }

    @ParameterizedTest
    @MethodSource({"seeds", "keptSeeds"})
    void theReplicaIsTheSourceAtEveryOrderedPositionWhateverHappens(long seed) {
        System.out.println("seed " + seed);
        Troubles troubles = new Troubles(new Rig(seed, FIRST_DISK, SECOND_DISK));
        troubles.run(400);
    }

    @Test
    void aFreshMachineBaselinesAndStaysInOrder() {
        Rig rig = converged(1);
        int checked = rig.orderedFramesChecked;
        writeMuch(rig, 300);
        rig.converge();
        assertThat(rig.orderedFramesChecked).isGreaterThan(checked);
        assertThat(rig.downstream.generations).hasSize(1);
        assertThat(rig.machine().status().traffic().overflows()).isZero();
    }

    @Test
    void aKilledAgentCatchesUpOnlyOnWhatWasNotJournaled() {
        Rig rig = converged(2);
        settle(rig);
        rig.downstream.journaling = false;
        rig.write(0, 128 << 10, new byte[]{1, 2, 3, 4});
        rig.kill();
        rig.start();
        long before = rig.downstream.reconciledBytes;
        rig.converge();
        GenerationStart second = rig.downstream.generations.getLast();
        assertThat(second.fidelity()).isEqualTo(Fidelity.CATCH_UP);
        assertThat(second.basis()).isNotEqualTo(Position.NONE);
        assertThat(rig.downstream.reconciledBytes - before).isPositive().isLessThanOrEqualTo(128 << 10);
    }

    @Test
    void aCleanStopLeavesNothingToCatchUpOn() {
        Rig rig = converged(3);
        rig.stop();
        long before = rig.downstream.payloadBytes;
        rig.start();
        rig.converge();
        assertThat(rig.downstream.payloadBytes).isEqualTo(before);
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::fidelity)
                .isEqualTo(Fidelity.CATCH_UP);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatWasWrittenWhileAnAgentRanThatSeesNoWritesIsComparedAtTheNextStart(boolean scansAgain) {
        Rig rig = new Rig(21, FIRST_DISK, SECOND_DISK);
        rig.scan(true);
        rig.start();
        rig.converge();
        rig.writeUnseen(1, 4096, new byte[]{9, 9, 9});
        rig.stop();
        rig.scan(scansAgain);
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations.getLast().fidelity()).isEqualTo(Fidelity.BASELINE);
    }

    @Test
    void aDiskThatSomebodyWroteToWhileTheAgentWasStoppedIsComparedAndSentByTheBlock() {
        Rig rig = converged(4);
        rig.stop();
        long before = rig.downstream.reconciledBytes;
        rig.writeUnseen(1, 4096, new byte[]{9, 9, 9});
        rig.writeUnseen(1, 130_000, new byte[]{9, 9, 9});
        rig.start();
        rig.converge();
        assertThat(rig.downstream.reconciledBytes - before).isPositive().isLessThanOrEqualTo(2 * 4096);
        GenerationStart last = rig.downstream.generations.getLast();
        assertThat(last.fidelity()).isEqualTo(Fidelity.BASELINE);
        assertThat(last.basis()).isEqualTo(Position.NONE);
    }

    @Test
    void aCleanStopOutlivesARestartOfTheSystem() {
        Rig rig = converged(5);
        rig.stop();
        rig.reboot();
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::fidelity)
                .isEqualTo(Fidelity.CATCH_UP);
    }

    @Test
    void aDiskThatHasFailedToFlushIsComparedAfterARestartOfTheSystemThoughALaterFlushWentWell() {
        Rig rig = converged(5);
        rig.devices.getFirst().failFlush = true;
        assertThatThrownBy(() -> rig.disk(0).flush()).isInstanceOf(IOException.class);
        rig.converge();
        rig.stop();
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations).as("in the same boot").last().extracting(GenerationStart::fidelity)
                .isEqualTo(Fidelity.CATCH_UP);
        rig.stop();
        rig.reboot();
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @Test
    void aRestartOfTheSystemWithoutACleanStopComparesEverything() {
        Rig rig = converged(6);
        rig.kill();
        rig.reboot();
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @Test
    void aComparisonOfEqualDisksSendsNothing() {
        Rig rig = converged(7);
        long before = rig.downstream.payloadBytes;
        Position[] answer = {Position.NONE};
        String[] failure = {""};
        rig.machine().resync(Troubles.into(answer, failure));
        assertThat(failure[0]).isEmpty();
        rig.converge();
        assertThat(rig.downstream.payloadBytes).isEqualTo(before);
        assertThat(rig.machine().status().differingBytes()).isZero();
        assertThat(rig.downstream.generations).hasSize(1);
    }

    @Test
    void theZeroesOfADiskCostNoPayload() {
        Rig rig = new Rig(8, 4 << 20);
        byte[] data = new byte[64 << 10];
        rig.random.nextBytes(data);
        rig.writeUnseen(0, 1 << 20, data);
        rig.start();
        rig.converge();
        assertThat(rig.downstream.payloadBytes).isEqualTo(data.length);
    }

    @Test
    void aPlanCountsWhatAResyncWouldSendAndSendsNothing() {
        Rig rig = converged(9);
        rig.downstream.replica.get(0)[70_000] ^= 1;
        long before = rig.downstream.payloadBytes;
        long[] planned = {-1};
        rig.machine().plan(new SourceMachine.Answer<>() {
            @Override
            public void done(Long bytes) {
                planned[0] = bytes;
            }

            @Override
            public void failed(String why) {
                throw new AssertionError(why);
            }
        });
        rig.steps.until(() -> planned[0] >= 0, 1_000_000, "a plan");
        assertThat(planned[0]).isEqualTo(4 << 10);
        assertThat(rig.downstream.payloadBytes).isEqualTo(before);
    }

    @Test
    void aLostProcessServerCostsACatchUpFromWhatIsJournaled() {
        Rig rig = converged(10);
        settle(rig);
        rig.downstream.journaling = false;
        writeMuch(rig, 20);
        settle(rig);
        rig.downstream.loseSpool(false);
        long before = rig.downstream.reconciledBytes;
        rig.converge();
        GenerationStart last = rig.downstream.generations.getLast();
        assertThat(last.generation()).isEqualTo(2);
        assertThat(last.fidelity()).isEqualTo(Fidelity.CATCH_UP);
        assertThat(rig.downstream.reconciledBytes).isGreaterThan(before);
    }

    @Test
    void releaseOnJournaledSurvivesALostProcessServerWithoutACatchUp() {
        Rig rig = new Rig(11, FIRST_DISK, SECOND_DISK);
        SourceOptions spooled = rig.options();
        var buffering = new SourceOptions.Buffering(8 << 20, 128 << 10, Duration.ofMillis(2),
                SourceOptions.Release.JOURNALED);
        rig.options(new SourceOptions(spooled.machine(), buffering, Compression.LZ4, 64 << 10, spooled.comparison(),
                new SourceOptions.Route(List.of("a:1"), HopTiming.DEFAULT)));
        rig.start();
        rig.converge();
        rig.downstream.journaling = false;
        writeMuch(rig, 20);
        settle(rig);
        rig.downstream.loseSpool(true);
        rig.converge();
        assertThat(rig.downstream.generations).hasSize(1);
    }

    @Test
    void aLostJournalIsComparedAnew() {
        Rig rig = converged(12);
        rig.downstream.loseJournal();
        rig.steps.until(() -> rig.downstream.generations.size() > 1, 1_000_000, "a new generation");
        rig.converge();
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aComparisonThatAnotherReplicaGoesOnAnsweringBeginsAnew(boolean killed) {
        Rig rig = converged(24);
        int before = rig.downstream.answers;
        rig.machine().resync(Troubles.ignore());
        rig.steps.until(() -> rig.downstream.answers > before, 1_000_000, "an answer");
        rig.downstream.becomeAnother();
        if (killed) {
            rig.kill();
            rig.start();
        }
        rig.converge();
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @Test
    void aReplicaThatTheStreamWasNotMadeForIsComparedBeforeItIsOrdered() {
        Rig rig = converged(25);
        rig.downstream.spooling = false;
        for (int i = 0; i < 100; i++) {
            rig.writeSomewhere(512 << 10);
            rig.steps.step();
        }
        rig.downstream.resume();
        rig.steps.until(() -> rig.downstream.fidelity() == Fidelity.CATCH_UP, 1_000_000, "the loss of order");
        rig.downstream.becomeAnother();
        rig.converge();
        assertThat(rig.downstream.generations).hasSize(2).last().extracting(GenerationStart::basis)
                .isEqualTo(Position.NONE);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBacklogThatDoesNotShrinkIsSaidWithWhatHoldsItUp(boolean spooled) {
        Rig rig = converged(26);
        rig.downstream.spooling = spooled;
        rig.downstream.journaling = false;
        for (int i = 0; i < 100; i++) {
            rig.writeSomewhere(512 << 10);
            rig.steps.step();
        }
        for (int seconds = 0; seconds < 27; seconds += 3) {
            settle(rig);
        }
        assertThat(rig.machine().status().pace().trend()).isEqualTo("not converging");
        assertThat(rig.machine().status().pace().reason())
                .startsWith(spooled ? "the process server has it" : "the process server does not take it");
        rig.converge();
        settle(rig);
        assertThat(rig.machine().status().pace().trend()).isEqualTo("keeping up");
        assertThat(rig.machine().status().pace().reason()).isEmpty();
    }

    @Test
    void anOverflowMarksBlocksAndComesBackIntoOrderByItself() {
        Rig rig = converged(13);
        rig.downstream.spooling = false;
        for (int i = 0; i < 100; i++) {
            rig.writeSomewhere(512 << 10);
            rig.steps.step();
        }
        assertThat(rig.machine().status().overflowing()).isTrue();
        assertThat(rig.machine().status().fidelity()).isEqualTo(Fidelity.CATCH_UP);
        rig.converge();
        assertThat(rig.machine().status().fidelity()).isEqualTo(Fidelity.ORDERED);
        assertThat(rig.machine().status().traffic().overflows()).isPositive();
        assertThat(rig.faults().total(FaultCode.CAPTURE_OVERFLOW)).isPositive();
        assertThat(rig.downstream.generations).hasSize(1);
    }

    @Test
    void memoryIsGivenBackWhenAllIsJournaled() {
        Rig rig = converged(14);
        writeMuch(rig, 100);
        rig.converge();
        settle(rig);
        assertThat(rig.machine().heldBytes()).isZero();
        rig.stop();
        rig.downstream.close();
        assertThat(rig.allocator.metric().usedDirectMemory()).isZero();
    }

    @Test
    void aMarkStandsBehindWhatWasWrittenBeforeIt() {
        Rig rig = converged(15);
        rig.write(0, 0, new byte[]{5, 6, 7});
        Position captured = rig.machine().stream().captured();
        Position[] marked = {Position.NONE};
        String[] failure = {""};
        rig.machine().mark(Mark.Kind.USER, "before the upgrade", true, Troubles.into(marked, failure));
        rig.steps.until(() -> !marked[0].equals(Position.NONE), 1_000_000, "a journaled mark");
        assertThat(marked[0]).isEqualTo(captured.plus(1));
        assertThat(rig.downstream.journaled().isAtLeast(marked[0])).isTrue();
    }

    @Test
    void aMarkIsRefusedUnlessTheStreamIsOrdered() {
        Rig rig = new Rig(16, FIRST_DISK);
        rig.start();
        Position[] marked = {Position.NONE};
        String[] failure = {""};
        rig.machine().mark(Mark.Kind.USER, "too early", false, Troubles.into(marked, failure));
        rig.steps.until(() -> !failure[0].isEmpty(), 100_000, "a refusal");
        assertThat(failure[0]).contains("ORDERED").contains("BASELINE");
        assertThat(marked[0]).isEqualTo(Position.NONE);
    }

    @Test
    void aPromotedMachineStopsStreamingButNeverItsWriter() {
        Rig rig = converged(17);
        rig.downstream.refusal = new Refusal(Rig.MACHINE, FaultCode.FENCED, "promoted");
        rig.downstream.cut();
        rig.steps.until(() -> rig.machine().status().state().session().equals("halted"), 1_000_000, "a halt");
        assertThat(rig.machine().status().state().trouble()).contains("BH-0009").contains(FaultCode.FENCED.remedy());
        assertThat(rig.write(0, 0, new byte[]{1})).isTrue();
        rig.checkDirtyMap();
    }

    @Test
    void aSecondAgentOfTheSameMachineIsStoppedAndTakesOverWhereItIsStartedAgain() {
        Rig rig = converged(18);
        rig.downstream.refusal = new Refusal(Rig.MACHINE, FaultCode.STALE_GENERATION, "generation 7 is here");
        rig.downstream.cut();
        rig.steps.until(() -> rig.machine().status().state().session().equals("halted"), 1_000_000, "a halt");
        assertThat(rig.machine().status().state().trouble()).contains("BH-0004");
        rig.downstream.refusal = null;
        rig.stop();
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @Test
    void whatAnotherAgentHasSentIsNotBuiltUpon() {
        Rig rig = converged(25);
        settle(rig);
        rig.stop();
        Rig clone = new Rig(26, rig.downstream, FIRST_DISK, SECOND_DISK);
        clone.start();
        clone.converge();
        clone.kill();
        rig.start();
        rig.steps.until(() -> rig.machine().status().state().session().equals("halted"), 1_000_000, "a halt");
        assertThat(rig.machine().status().state().trouble()).contains("BH-0004", "never sent from here");
    }

    @Test
    void aFreshAgentTakesAGenerationAboveWhatWasThereBefore() {
        Rig rig = converged(19);
        Rig other = new Rig(20, rig.downstream, FIRST_DISK, SECOND_DISK);
        rig.kill();
        other.start();
        other.converge();
        assertThat(rig.downstream.generations).last()
                .extracting(GenerationStart::generation, InstanceOfAssertFactories.LONG)
                .isGreaterThan(1);
    }

    @Test
    void aFullStateVolumeDelaysTheGenerationButNotTheWriter() {
        Rig rig = converged(21);
        rig.volume().failing = true;
        rig.downstream.loseSpool(false);
        writeMuch(rig, 40);
        rig.steps.until(() -> rig.faults().total(FaultCode.STORE_FAILED) > 0, 1_000_000, "a fault");
        assertThat(rig.machine().status().state().session()).isEqualTo("opening");
        rig.volume().failing = false;
        rig.converge();
        assertThat(rig.machine().status().state().session()).isEqualTo("flowing");
    }

    @Test
    void aDamagedStateFileIsSaidAndLeadsToAComparison() {
        Rig rig = converged(22);
        rig.stop();
        byte[] state = rig.volume().bytes(StateFile.NAME);
        for (int at = 4096; at < state.length; at += 512) {
            state[at] ^= 1;
        }
        rig.start();
        rig.converge();
        assertThat(rig.faults().total(FaultCode.STORE_CORRUPT)).isEqualTo(1);
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @Test
    void aDamagedDirtyMapIsSaidAndLeadsToAComparison() {
        Rig rig = converged(23);
        rig.stop();
        rig.volume().bytes(DiskMap.name(1))[9] ^= 1;
        rig.start();
        rig.converge();
        assertThat(rig.faults().total(FaultCode.STORE_CORRUPT)).isEqualTo(1);
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
    void aDamagedDirtyMapIsNotForgottenByAStartThatFails(int goodWrites) {
        Rig rig = converged(26);
        settle(rig);
        rig.downstream.journaling = false;
        writeMuch(rig, 20);
        rig.kill();
        rig.downstream.loseSpool(false);
        rig.downstream.journaling = true;
        rig.volume().bytes(DiskMap.name(1))[9] ^= 1;
        rig.volume().goodWrites = goodWrites;
        try {
            rig.start();
            rig.kill();
        } catch (AssertionError refused) {
            assertThat(refused).hasCauseInstanceOf(IOException.class);
        }
        rig.volume().goodWrites = Long.MAX_VALUE;
        rig.volume().failing = false;
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @Test
    void aMarkThatRotsWhileTheAgentIsStoppedIsSaidAndSentAllTheSame() {
        Rig rig = converged(24);
        settle(rig);
        rig.downstream.journaling = false;
        writeMuch(rig, 20);
        rig.stop();
        rig.downstream.loseSpool(false);
        byte[] map = rig.volume().bytes(DiskMap.name(0));
        int copyBytes = (map.length - 4096) / 2;
        for (int at = 4096; at < 4096 + copyBytes; at++) {
            map[at] = 0;
        }
        rig.start();
        rig.converge();
        assertThat(rig.faults().total(FaultCode.STORE_CORRUPT)).isEqualTo(1);
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::fidelity)
                .isEqualTo(Fidelity.CATCH_UP);
    }
}

package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Refusal;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A capture that observes, with a ring that outlives the agent: kills, stops, overflows, losses downstream. */
class ObservedMachineTest {
    private static final int RING = 256 << 10;

    private static ObservedRig ordered(long seed, int ringBytes) {
        ObservedRig rig = new ObservedRig(seed, ringBytes, 1 << 20, 512 << 10);
        rig.start();
        for (int i = 0; i < 10; i++) {
            rig.writeSomewhere(32 << 10);
        }
        rig.converge();
        return rig;
    }

    private static LongStream seeds() {
        return LongStream.rangeClosed(1, 100);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyOrderedPositionIsAStateOfTheDisksWhateverHappens(long seed) {
        System.out.println("seed " + seed);
        ObservedRig rig = new ObservedRig(seed, RING, 1 << 20, 512 << 10);
        rig.start();
        for (int i = 0; i < 150; i++) {
            round(rig);
            if (!rig.isRunning()) {
                rig.start();
            }
            for (int step = rig.random.nextInt(80); step > 0; step--) {
                rig.steps.step();
            }
        }
        rig.converge();
        rig.stop();
        rig.writeSomewhere(4096);
        rig.start();
        rig.converge();
        assertThat(rig.orderedFramesChecked).isPositive();
    }

    private static void round(ObservedRig rig) {
        switch (rig.random.nextInt(60)) {
            case 0, 1, 2 -> rig.kill();
            case 3 -> rig.stop();
            case 4 -> {
                rig.kill();
                rig.writeSomewhere(64 << 10);
            }
            case 5 -> {
                if (rig.random.nextInt(4) == 0) {
                    rig.kill();
                    rig.detach();
                    rig.writeSomewhere(4096);
                }
            }
            case 6 -> {
                if (rig.random.nextInt(4) == 0) {
                    rig.kill();
                    rig.reboot();
                }
            }
            case 7, 8 -> rig.downstream.cut();
            case 9 -> rig.downstream.loseSpool(rig.random.nextBoolean());
            case 10 -> rig.downstream.reachable ^= true;
            case 11 -> rig.downstream.spooling = false;
            case 12 -> rig.downstream.journaling = false;
            case 13, 14, 15 -> rig.downstream.resume();
            case 16, 17 -> {
                for (int i = rig.random.nextInt(40); i > 0; i--) {
                    rig.writeSomewhere(64 << 10);
                }
            }
            case 18, 19, 20 -> rig.mark();
            default -> rig.writeSomewhere(32 << 10);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {21, 22, 23})
    void anAgentThatIsKilledGoesOnInTheSameGenerationInOrder(long seed) {
        ObservedRig rig = ordered(seed, RING);
        long generation = rig.machine().stream().captured().generation();
        for (int kill = 0; kill < 20; kill++) {
            for (int i = rig.random.nextInt(6); i >= 0; i--) {
                rig.writeSomewhere(8 << 10);
            }
            if (rig.random.nextBoolean()) {
                rig.mark();
            }
            for (int step = rig.random.nextInt(60); step > 0; step--) {
                rig.steps.step();
            }
            rig.kill();
            rig.writeSomewhere(8 << 10);
            rig.start();
            if (rig.random.nextBoolean()) {
                rig.converge();
            }
        }
        rig.converge();
        Position captured = rig.machine().stream().captured();
        assertThat(captured.generation()).as("the generation, %d resumed of %d", rig.resumed, rig.starts)
                .isEqualTo(generation);
        assertThat(rig.downstream.generations).hasSize(1);
    }

    @Test
    void anAgentWhoseGenerationIsRefusedBeforeItCanGoOnComparesInANewOne() {
        ObservedRig rig = ordered(25, RING);
        long generation = rig.machine().stream().captured().generation();
        rig.kill();
        rig.downstream.refusal = new Refusal(ObservedRig.MACHINE, FaultCode.BASIS_UNKNOWN, "as told");
        rig.start();
        rig.steps.until(() -> rig.machine().stream().captured().generation() > generation, 100_000, "a new generation");
        rig.downstream.refusal = null;
        rig.converge();
        assertThat(rig.downstream.generations).hasSize(2);
        assertThat(rig.downstream.generations.getLast().basis()).isEqualTo(Position.NONE);
    }

    @Test
    void aRefusedWriteThatIsStillInTheRingIsNotTakenForEqualByAComparisonThatGoesOn() {
        ObservedRig rig = ordered(26, RING);
        rig.downstream.spooling = false;
        rig.machine().resync(new SourceMachine.Answer<>() {
            @Override
            public void done(Position begun) {}

            @Override
            public void failed(String why) {
                throw new AssertionError(why);
            }
        });
        rig.steps.until(() -> !rig.machine().stream().isOrdered(), 100_000, "a comparison");
        rig.writeInVain(0, 128 << 10, 8 << 10);
        rig.stop();
        rig.start();
        rig.converge();
        assertThat(rig.downstream.generations).as("it is another stream").hasSizeGreaterThan(1);
    }

    @ParameterizedTest
    @ValueSource(longs = {41, 42, 43, 44, 45, 46, 47, 48})
    void anAgentThatIsKilledWhileNobodyWritesGoesOnInOrder(long seed) {
        ObservedRig rig = ordered(seed, 64 << 10);
        long overflows = 0;
        for (int i = 0; i < 10; i++) {
            rig.downstream.cut();
            for (int write = 0; write < 30; write++) {
                rig.writeSomewhere(32 << 10);
            }
            rig.converge();
            // Until whoever reads the ring has looked once more.
            for (int step = 0; step < 100; step++) {
                rig.steps.step();
            }
            overflows += rig.machine().status().traffic().overflows();
            rig.kill();
            rig.start();
            rig.converge();
        }
        assertThat(overflows).as("how often order began anew").isPositive();
        assertThat(rig.downstream.generations).hasSize(1);
    }

    @Test
    void whatTheRingHasNoRoomForIsReadAgainAndTheOrderComesBackByItself() {
        ObservedRig rig = ordered(31, 64 << 10);
        rig.downstream.reachable = false;
        rig.downstream.cut();
        for (int i = 0; i < 60; i++) {
            rig.writeSomewhere(32 << 10);
        }
        rig.converge();
        assertThat(rig.machine().status().traffic().overflows()).isPositive();
        assertThat(rig.machine().stream().isOrdered()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {51, 52, 53, 54, 55, 56, 57, 58})
    void aMarkThatIsWantedBeforeTheAgentHasGoneOnDoesNotHideWhatTheRingLostMeanwhile(long seed) {
        ObservedRig rig = ordered(seed, 64 << 10);
        rig.downstream.reachable = false;
        rig.kill();
        for (int write = 0; write < 12; write++) {
            rig.writeSomewhere(32 << 10);
            rig.writeSomewhere(512);
        }
        rig.start();
        rig.mark();
        for (int step = 0; step < 50; step++) {
            rig.steps.step();
        }
        rig.converge();
        assertThat(rig.losses()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(longs = {61, 62, 63, 64, 65, 66, 67, 68})
    void aWriteThatWasUnderWayWhenTheRingWasForgottenIsWaitedForWhereTheReplicaHoldsNothing(long seed) {
        ObservedRig rig = new ObservedRig(seed, RING, 1 << 20, 512 << 10);
        rig.slowestWriteNanos = 100_000_000;
        for (int write = 0; write < 4; write++) {
            rig.writeSomewhere(8 << 10);
        }
        rig.start();
        rig.converge();
        assertThat(rig.orderedFramesChecked).isPositive();
    }

    @Test
    void whoStandsInFrontOfTheDisksAfterSomebodyObservedComparesThem() {
        ObservedRig rig = ordered(81, RING);
        rig.kill();
        for (int i = 0; i < 5; i++) {
            rig.writeSomewhere(8 << 10);
        }
        rig.steps.until(rig::isQuiet, 1_000_000, "the writes are on the disks");
        rig.startInFront();
        rig.steps.until(() -> rig.machine().stream().isOrdered(), 3_000_000, "order: " + rig.machine().status());
        rig.drain();
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }

    @Test
    void aFlushThatFailedIsToldByEveryLifeOfTheAgentUntilTheSystemIsStartedAnew() {
        ObservedRig rig = ordered(71, RING);
        rig.kill();
        rig.failFlush();
        rig.start();
        rig.converge();
        rig.steps.until(() -> rig.undurable() == 1, 1_000_000, "the failure of a flush while no agent ran is told");
        rig.stop();
        rig.detach();
        rig.start();
        rig.converge();
        assertThat(rig.undurable()).as("though the ring is another one").isEqualTo(2);
        rig.stop();
        rig.reboot();
        rig.start();
        rig.converge();
        assertThat(rig.undurable()).isEqualTo(2);
        assertThat(rig.downstream.generations).last().extracting(GenerationStart::basis).isEqualTo(Position.NONE);
    }
}

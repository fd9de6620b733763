package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.Position;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Proofs of what disks held at a mark, recorded while writes race with every step of it. */
class ProvingTest {
    private static final long DISK_BYTES = 2 << 20;
    private static final long ODD_BYTES = (300 << 10) + 512;

    private static LongStream seeds() {
        return LongStream.rangeClosed(1, 25);
    }

    private static Rig ordered(long seed, long... sizes) {
        Rig rig = new Rig(seed, sizes);
        rig.start();
        for (int i = 0; i < 20; i++) {
            rig.writeSomewhere(96 << 10);
        }
        rig.converge();
        return rig;
    }

    private static void await(RecordedProofs proofs, Steps steps) {
        steps.until(proofs::areAllAnswered, 3_000_000, "the proof");
    }

    @Test
    void ofAQuietMachineEverythingIsProved() {
        Rig rig = ordered(1, DISK_BYTES, ODD_BYTES);
        rig.proofs.ask(rig.machine());
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.failures).isEmpty();
        assertThat(rig.proofs.recorded).singleElement().satisfies(header -> {
            assertThat(header.unprovedBytes()).isZero();
            assertThat(header.provedBytes()).isEqualTo(DISK_BYTES + ODD_BYTES);
            assertThat(header.machine()).isEqualTo(Rig.MACHINE);
            assertThat(header.label()).isEqualTo("label proof-0");
            assertThat(header.disks().get(1).info().stableId()).isEqualTo("disk-1");
        });
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void whatIsProvedIsWhatTheDisksHeldAtTheMarkWhateverIsWrittenMeanwhile(long seed) {
        Rig rig = ordered(seed, DISK_BYTES, ODD_BYTES);
        double amid = rig.random.nextDouble() * rig.random.nextDouble();
        rig.devices.forEach(device -> device.amidRead = () -> {
            if (rig.random.nextDouble() < amid) {
                rig.writeSomewhere(16 << 10);
            }
        });
        for (int proof = 0; proof < 4; proof++) {
            rig.proofs.ask(rig.machine());
            awaitAmidWrites(rig.proofs, rig.steps, rig.random, () -> rig.writeSomewhere(48 << 10));
        }
        assertThat(rig.proofs.failures).isEmpty();
        assertThat(rig.proofs.recorded).hasSize(4);
    }

    private static void awaitAmidWrites(RecordedProofs proofs, Steps steps, SplittableRandom random, Runnable write) {
        int pause = 1 + random.nextInt(60);
        for (int step = 0; !proofs.areAllAnswered(); step++) {
            steps.step();
            if (step < 2_000 && random.nextInt(pause) == 0) {
                write.run();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void whatIsProvedIsTrueWhereWritesAreObservedOnTheirWay(long seed) {
        ObservedRig rig = new ObservedRig(seed, seed % 2 == 0 ? 64 << 10 : 1 << 20, DISK_BYTES, 512 << 10);
        rig.slowestWriteNanos = 20_000_000;
        rig.start();
        for (int i = 0; i < 10; i++) {
            rig.writeSomewhere(32 << 10);
        }
        rig.converge();
        double amid = rig.random.nextDouble() * rig.random.nextDouble();
        int[] settled = {0};
        rig.onceSettled = () -> {
            if (settled[0]++ < 500 && rig.random.nextDouble() < amid) {
                rig.writeThrough(16 << 10);
            }
        };
        for (int proof = 0; proof < 4; proof++) {
            rig.proofs.ask(rig.machine());
            awaitAmidWrites(rig.proofs, rig.steps, rig.random, () -> rig.writeSomewhere(48 << 10));
        }
        assertThat(rig.proofs.failures).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void amidAllTroublesAProofIsTrueOrThereIsNone(long seed) {
        Rig rig = new Rig(seed, DISK_BYTES, 512 << 10);
        new Troubles(rig).asking().proving().run(120);
    }

    @Test
    void aDiskThatIsWrittenToAllTheTimeIsGoneOverSeveralTimesAndThenMarked() {
        Rig rig = ordered(3, 16 << 20);
        rig.proofs.ask(rig.machine());
        byte[] data = new byte[4096];
        int most = 0;
        for (int step = 0; !rig.proofs.areAllAnswered(); step++) {
            rig.steps.step();
            for (int i = 0; rig.proofs.marked == null && step < 400 && i < 2; i++) {
                Arrays.fill(data, (byte) (step + 1));
                rig.write(0, rig.random.nextInt(110) * 65536L, data);
            }
            Proving.Progress now = rig.machine().proofProgress();
            most = now == null ? most : Math.max(most, now.pass());
        }
        assertThat(most).as("passes").isBetween(2, 8);
        assertThat(rig.proofs.recorded).singleElement()
                .satisfies(header -> assertThat(header.unprovedBytes()).isZero());
    }

    @Test
    void aChunkThatIsWrittenToAgainBeforeItCouldBeReadIsNotProved() {
        Rig rig = ordered(4, DISK_BYTES);
        byte[] data = new byte[4096];
        rig.devices.getFirst().amidRead = () -> {
            Arrays.fill(data, (byte) (data[0] + 1));
            rig.write(0, 5 << 16, data);
        };
        rig.proofs.ask(rig.machine());
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.recorded).singleElement()
                .satisfies(header -> assertThat(header.unprovedBytes()).isEqualTo(64 << 10));
    }

    @Test
    void anOverflowOnTheWayCostsAnotherPass() {
        Rig rig = ordered(5, 8 << 20);
        rig.downstream.journaling = false;
        rig.downstream.spooling = false;
        rig.proofs.ask(rig.machine());
        for (int i = 0; rig.machine().stream().isOrdered(); i++) {
            rig.writeSomewhere(512 << 10);
            assertThat(i).isLessThan(1000);
        }
        for (int step = 0; step < 200; step++) {
            rig.steps.step();
        }
        assertThat(rig.proofs.areAllAnswered()).isFalse();
        rig.downstream.resume();
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.failures).isEmpty();
        assertThat(rig.proofs.recorded).hasSize(1);
    }

    @Test
    void aComparisonOfTheDisksEndsItAndLeavesNoFile() {
        Rig rig = ordered(6, DISK_BYTES);
        rig.proofs.ask(rig.machine());
        rig.steps.until(() -> rig.machine().proofProgress() != null, 1_000, "it has begun");
        for (int step = 0; step < 3; step++) {
            rig.steps.step();
        }
        rig.machine().resync(Troubles.ignore());
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.failures).singleElement().asString().contains("compared anew");
        assertThat(rig.proofs.volume.list("")).isEmpty();
    }

    @Test
    void aDiskThatCannotBeReadOrAFolderThatIsFullEndsIt() {
        Rig rig = ordered(7, DISK_BYTES);
        rig.devices.getFirst().failReads = 1;
        rig.proofs.ask(rig.machine());
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.failures).containsExactly("the medium cannot be read");
        rig.proofs.volume.goodWrites = 1;
        rig.proofs.ask(rig.machine());
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.failures).hasSize(2).last().asString().contains("no space left");
        assertThat(rig.proofs.volume.list("")).isEmpty();
    }

    @Test
    void oneIsRecordedAtATimeAndMayBeGivenUp() {
        Rig rig = ordered(8, DISK_BYTES);
        rig.proofs.ask(rig.machine());
        rig.proofs.ask(rig.machine());
        assertThat(rig.proofs.failures).singleElement().asString().contains("another proof");
        rig.machine().endProof("nobody waits");
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.failures).hasSize(2).contains("nobody waits");
        rig.proofs.ask(rig.machine());
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.recorded).hasSize(1);
    }

    @Test
    void aStopEndsItAndLeavesNoFile() {
        Rig rig = ordered(9, DISK_BYTES);
        rig.proofs.ask(rig.machine());
        for (int step = 0; step < 4; step++) {
            rig.steps.step();
        }
        rig.stop();
        assertThat(rig.proofs.failures).singleElement().asString().contains("being stopped");
        assertThat(rig.proofs.volume.list("")).isEmpty();
    }

    @Test
    void aMarkThatIsNeverJournaledIsNotProved() {
        Rig rig = ordered(10, DISK_BYTES);
        rig.downstream.journaling = false;
        rig.proofs.ask(rig.machine());
        rig.steps.until(() -> rig.proofs.marked != null, 100_000, "the mark");
        Position marked = rig.proofs.marked;
        rig.downstream.loseSpool(false);
        rig.downstream.resume();
        await(rig.proofs, rig.steps);
        assertThat(rig.proofs.failures).singleElement().asString().contains("ask again");
        assertThat(rig.proofs.volume.list("")).isEmpty();
        assertThat(marked).isNotNull();
    }
}

package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The disks are compared with the replica while order is kept; what differs is found, named and sent again. */
class VerifierTest {
    private static final long FIRST_DISK = (17 << 20) + (64 << 10) + 512;
    private static final long SECOND_DISK = 1 << 20;
    private static final long SECOND = 1_000_000_000L;
    private static final int MANY = 3_000_000;

    private static Rig rig(long seed, Duration period, long bytesPerSecond, int percent) {
        Rig rig = new Rig(seed, FIRST_DISK, SECOND_DISK);
        SourceOptions usual = rig.options();
        rig.options(new SourceOptions(usual.machine(), usual.buffering(), usual.compression(), usual.granularityBytes(),
                new SourceOptions.Comparison(0, period, bytesPerSecond, percent), usual.route()));
        rig.start();
        for (int i = 0; i < 60; i++) {
            rig.writeSomewhere(32 << 10);
            rig.steps.step();
        }
        rig.converge();
        return rig;
    }

    private static Rig rig(long seed) {
        return rig(seed, Duration.ZERO, 1L << 30, 100);
    }

    private static SourceStatus.Verified verified(Rig rig) {
        return rig.machine().status().verified();
    }

    private static SourceStatus.Found verify(Rig rig) {
        long before = verified(rig).since().passes();
        rig.machine().verify();
        rig.steps.until(() -> verified(rig).since().passes() > before, MANY, "a pass ends");
        SourceStatus.Found last = verified(rig).last();
        return last == null ? new SourceStatus.Found(0, 0, 0, 0) : last;
    }

    private static void pass(Rig rig, long nanos) {
        long end = rig.steps.clock().nanos() + nanos;
        rig.steps.until(() -> rig.steps.clock().nanos() > end, MANY, "time passes");
    }

    private static void damage(Rig rig, int disk, int offset, int lengthBytes) {
        byte[] bytes = rig.downstream.replica.get(disk);
        for (int i = offset; i < offset + lengthBytes; i++) {
            bytes[i] ^= 0x55;
        }
    }

    /** Nothing is a hole that need not be read. */
    private static void fill(Rig rig) {
        byte[] content = new byte[64 << 10];
        for (int at = 0; at + content.length <= FIRST_DISK; at += content.length) {
            rig.random.nextBytes(content);
            rig.write(0, at, content);
        }
        rig.converge();
    }

    private static long found(Rig rig) {
        return rig.faults().total(FaultCode.REPLICA_DIFFERS);
    }

    @Test
    void whereNothingDiffersTheStreamStaysInOrder() {
        Rig rig = rig(1);
        Position before = rig.machine().stream().captured();
        SourceStatus.Found found = verify(rig);
        assertThat(found.comparedBytes()).isEqualTo(FIRST_DISK + SECOND_DISK);
        assertThat(found.skippedBytes()).isZero();
        assertThat(found.differingBytes()).isZero();
        assertThat(found(rig)).isZero();
        assertThat(rig.machine().stream().captured()).as("nothing was put into the stream").isEqualTo(before);
    }

    @Test
    void whatDiffersIsNamedAndSentAgain() {
        Rig rig = rig(2);
        long generation = rig.machine().stream().captured().generation();
        damage(rig, 0, 16 << 20, 5000);
        damage(rig, 0, (int) FIRST_DISK - 512, 512);
        SourceStatus.Found found = verify(rig);
        assertThat(found.comparedBytes()).isEqualTo(FIRST_DISK + SECOND_DISK);
        assertThat(found.differingBytes()).as("blocks of 4 KiB, the last one short").isEqualTo(2 * 4096 + 512);
        rig.converge();
        damage(rig, 1, 300_000, 1);
        assertThat(verify(rig).differingBytes()).isEqualTo(4096);
        assertThat(rig.faults().recent()).anyMatch(fault -> fault.code() == FaultCode.REPLICA_DIFFERS
                && fault.text().equals("disk 1, 4096 bytes at 299008"));
        assertThat(found(rig)).isEqualTo(4);
        rig.converge();
        assertThat(rig.machine().stream().captured().generation()).isEqualTo(generation);
        assertThat(rig.downstream.fidelity()).isEqualTo(Fidelity.ORDERED);
        assertThat(rig.faults().recent()).noneMatch(fault -> fault.code() == FaultCode.CAPTURE_OVERFLOW);
        assertThat(verify(rig).differingBytes()).isZero();
        assertThat(rig.faults().recent()).noneMatch(fault -> fault.standing());
    }

    @Test
    void aWriteThatWentPastTheCaptureIsFound() {
        Rig rig = rig(3);
        rig.writePast(1, 8192, new byte[]{1, 2, 3, 4});
        assertThat(verify(rig).differingBytes()).isEqualTo(4096);
        rig.converge();
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14, 15, 16, 17, 18})
    void whatIsWrittenMeanwhileIsNoDifference(long seed) {
        Rig rig = rig(seed);
        long before = rig.machine().status().verified().since().passes();
        rig.machine().verify();
        for (int i = 0; i < 4000 && verified(rig).since().passes() == before; i++) {
            if (rig.random.nextInt(4) == 0) {
                rig.writeSomewhere(64 << 10);
            }
            rig.steps.step();
        }
        rig.steps.until(() -> verified(rig).since().passes() > before, MANY, "a pass ends");
        assertThat(found(rig)).isZero();
        assertThat(rig.machine().stream().isOrdered()).isTrue();
        rig.converge();
    }

    @ParameterizedTest
    @ValueSource(longs = {21, 22, 23, 24, 25, 26})
    void itEndsWhateverHappensToTheLinkAndFindsOnlyWhatDiffers(long seed) {
        Rig rig = rig(seed, Duration.ofSeconds(3), 32 << 20, 100);
        for (int i = 0; i < 3000; i++) {
            switch (rig.random.nextInt(60)) {
                case 0 -> rig.downstream.cut();
                case 1 -> rig.downstream.journaling = !rig.downstream.journaling;
                case 2 -> {
                    if (rig.random.nextInt(4) == 0) {
                        rig.kill();
                        rig.start();
                    }
                }
                default -> rig.writeSomewhere(16 << 10);
            }
            rig.steps.step();
        }
        rig.converge();
        assertThat(found(rig)).isZero();
        damage(rig, 1, 4096, 1);
        long before = verified(rig).since().passes();
        rig.steps.until(() -> verified(rig).since().passes() > before + 1, MANY, "two passes end");
        assertThat(found(rig)).isEqualTo(1);
        rig.converge();
    }

    @Test
    void itComesByItsScheduleAlsoAcrossRestarts() {
        Rig rig = rig(31, Duration.ofSeconds(100), 1L << 30, 100);
        pass(rig, 60 * SECOND);
        assertThat(verified(rig).since().passes()).isZero();
        rig.kill();
        rig.start();
        pass(rig, 60 * SECOND);
        assertThat(verified(rig).since().passes()).as("due 100 s after the first start").isEqualTo(1);
        long ended = verified(rig).endedMicros();
        rig.stop();
        rig.start();
        assertThat(verified(rig).endedMicros()).isEqualTo(ended);
        pass(rig, 60 * SECOND);
        assertThat(verified(rig).since().passes()).isZero();
        pass(rig, 50 * SECOND);
        assertThat(verified(rig).since().passes()).isEqualTo(1);
    }

    @Test
    void itGoesOnWhereARestartHasCutItOff() {
        Rig rig = rig(32, Duration.ZERO, 1 << 20, 100);
        rig.machine().verify();
        rig.steps.until(() -> verified(rig).doneBytes() == 16 << 20, MANY, "the first stretch");
        rig.stop();
        rig.start();
        rig.converge();
        assertThat(verified(rig).doneBytes()).isEqualTo(16 << 20);
        rig.steps.until(() -> verified(rig).since().passes() == 1, MANY, "the pass ends");
        SourceStatus.Found last = verified(rig).last();
        assertThat(last == null ? 0 : last.comparedBytes()).isEqualTo(FIRST_DISK + SECOND_DISK);
        assertThat(verified(rig).since().comparedBytes()).isEqualTo(FIRST_DISK + SECOND_DISK - (16 << 20));
    }

    @Test
    void itReadsNoFasterThanItMay() {
        Rig rig = rig(33, Duration.ZERO, 4 << 20, 100);
        fill(rig);
        long begun = rig.steps.clock().nanos();
        verify(rig);
        assertThat(rig.steps.clock().nanos() - begun).as("17 MiB at 4 MiB/s").isBetween(4 * SECOND, 7 * SECOND);
    }

    @Test
    void aSampleIsAPartOfTheDisks() {
        Rig rig = rig(34, Duration.ZERO, 1L << 30, 1);
        SourceStatus.Found found = verify(rig);
        assertThat(found.comparedBytes()).isLessThan(FIRST_DISK + SECOND_DISK);
    }

    @Test
    void aResyncIsHeldBackToItsRate() {
        Rig rig = new Rig(35, FIRST_DISK);
        SourceOptions usual = rig.options();
        rig.options(new SourceOptions(usual.machine(), usual.buffering(), usual.compression(), usual.granularityBytes(),
                new SourceOptions.Comparison(2 << 20, Duration.ZERO, 1 << 20, 100), usual.route()));
        rig.start();
        rig.converge();
        fill(rig);
        long begun = rig.steps.clock().nanos();
        rig.machine().resync(new SourceMachine.Answer<>() {
            @Override
            public void done(Position begins) {}

            @Override
            public void failed(String why) {
                throw new AssertionError(why);
            }
        });
        rig.converge();
        assertThat(rig.steps.clock().nanos() - begun).as("17 MiB at 2 MiB/s").isBetween(8 * SECOND, 12 * SECOND);
    }
}

package io.backhaul.processserver;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.log.CrashVolume;
import io.backhaul.blockio.DeviceFullException;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RelayTest {
    private final RelayWorld world = new RelayWorld(1);

    @AfterEach
    void stop() {
        world.close();
    }

    @Test
    void forwardsWhatTheSourceSendsInOrder() {
        world.source.write(100, 5000);
        world.converge();
        assertThat(world.target.journal).hasSize(101);
        assertThat(world.source.refusals).isEmpty();
        world.loop.runFor(100);
        assertThat(world.source.positions.journaled()).isEqualTo(world.source.last());
        assertThat(world.status().delivered()).isTrue();
    }

    @Test
    void forwardsNothingBeforeItIsDurable() {
        world.loop.runFor(1000);
        world.spool().failIn(0, new java.io.IOException("EIO"));
        world.source.write(10, 1000);
        world.loop.runFor(5000);
        assertThat(world.target.accepted()).isEqualTo(new Position(1, 1));
        assertThat(world.status().state()).isEqualTo("SPOOL_FAILED");
        assertThat(world.source.positions.received()).isEqualTo(world.source.last());
        assertThat(world.source.positions.spooled()).isEqualTo(new Position(1, 1));
        world.spool().mend();
        world.converge();
        assertThat(world.source.basis).hasSize(1);
        assertThat(world.status().trouble()).isEmpty();
    }

    @Test
    void keepsWhatItHoldsWhenTheTargetIsAwayAndReadsItFromTheSpoolLater() {
        world.loop.runFor(1000);
        world.targetUnreachable = true;
        world.cutDownstream();
        world.source.write(3000, 9000);
        world.loop.runFor(20_000);
        assertThat(world.source.positions.spooled()).isEqualTo(world.source.last());
        assertThat(world.status().memoryBytes()).isLessThanOrEqualTo(world.limits.creditBytes());
        assertThat(world.status().delivered()).isFalse();
        assertThat(world.status().lagBytes()).isGreaterThan(3000L * 9000);
        world.targetUnreachable = false;
        world.converge();
        assertThat(world.source.basis).hasSize(1);
        world.loop.runFor(1000);
        assertThat(world.status().spoolBytes()).as("trimmed").isLessThan(1 << 20);
        assertThat(world.status().lagBytes()).isZero();
    }

    @Test
    void pushesBackWhenTheSpoolIsFullAndGoesOnWhenThereIsRoom() {
        world.targetUnreachable = true;
        world.loop.runFor(1000);
        world.spool().capacity(4 << 20);
        world.source.write(4000, 8000);
        world.loop.runFor(20_000);
        assertThat(world.status().state()).isEqualTo("SPOOL_FULL");
        assertThat(world.status().trouble()).contains("BH-0012");
        assertThat(world.source.positions.received().sequence())
                .as("no more than credit allows").isLessThan(world.source.last().sequence());
        assertThat(world.status().memoryBytes()).isLessThanOrEqualTo(world.limits.creditBytes());
        world.targetUnreachable = false;
        world.converge();
        assertThat(world.source.basis).as("nothing lost, no new generation").hasSize(1);
        assertThat(world.target.journal).hasSize(4001);
    }

    @Test
    void whatWasSetAsideMakesRoomOnAVolumeThatIsFull() {
        String damaged = "00000000000000ff.seg.corrupt";
        world.spool().put(damaged, new byte[4 << 20]);
        world.source.write(10, 1000);
        world.loop.runFor(3000);
        assertThat(world.spool().list("")).as("there is room").contains(damaged);
        world.targetUnreachable = true;
        world.cutDownstream();
        world.spool().capacity((4 << 20) + (1 << 20));
        world.source.write(300, 8000);
        world.loop.runFor(20_000);
        assertThat(world.spool().list("")).doesNotContain(damaged);
        assertThat(world.source.positions.spooled()).isEqualTo(world.source.last());
        world.targetUnreachable = false;
        world.converge();
    }

    @Test
    void holdsASourceBackThatTakesTooMuchMemoryAndTakesItForAlive() {
        RelayWorld small = new RelayWorld(3, new RelayLimits(16 << 20, 16 << 20, 1 << 30, 1 << 30, 64 << 10,
                RelayWorld.TIMING));
        small.loop.runFor(1000);
        small.holdLanes(true);
        small.source.write(4000, 8000);
        small.loop.runFor(20_000);
        assertThat(small.status().memoryBytes()).as("a third of what there is, and what came at once")
                .isBetween(4L << 20, 6L << 20);
        assertThat(small.source.sender.isStreaming()).isTrue();
        small.holdLanes(false);
        small.converge();
        assertThat(small.source.refusals).isEmpty();
        assertThat(small.target.journal).hasSize(4001);
        small.close();
        assertThat(small.relay.memoryBytes()).as("taken after all").isZero();
    }

    @Test
    void goesAsFastAsItIsToldToAndFasterOnceItIsToldOtherwise() {
        world.relay.limit(List.of(RateRule.always(1 << 20, null)));
        world.loop.runFor(1000);
        world.source.write(4000, 8000);
        world.loop.runFor(10_000);
        assertThat(world.status().forwardedBytes()).isBetween(10L << 20, 11L << 20);
        assertThat(world.status().limit().holdsBack()).isTrue();
        assertThat(world.status().limit().bytesPerSecond()).isEqualTo(1 << 20);
        assertThat(world.source.positions.spooled()).as("what is spooled waits for no limit")
                .isEqualTo(world.source.last());
        world.relay.limit(List.of());
        world.loop.runFor(3000);
        assertThat(world.target.journaled()).isEqualTo(world.source.last());
        assertThat(world.status().limit().holdsBack()).isFalse();
        assertThat(world.source.refusals).isEmpty();
    }

    @Test
    void keepsToTheLimitOfTheConfiguration() {
        RelayWorld small = new RelayWorld(2, new RelayLimits(16 << 20, 64 << 20, 2 << 20, 1 << 30, 64 << 10,
                RelayWorld.TIMING));
        small.targetUnreachable = true;
        small.source.write(2000, 8000);
        small.loop.runFor(20_000);
        assertThat(small.status().state()).isEqualTo("SPOOL_FULL");
        assertThat(small.status().spoolBytes()).isLessThanOrEqualTo(2 << 20);
        small.targetUnreachable = false;
        small.converge();
        assertThat(small.source.basis).hasSize(1);
        small.close();
    }

    @Test
    void forwardsAfterARestartThoughTheSourceNeverComesBack() {
        world.targetUnreachable = true;
        world.source.write(500, 4000);
        world.loop.runFor(10_000);
        Position last = world.source.last();
        assertThat(world.source.positions.spooled()).isEqualTo(last);
        world.source.sender.close();
        world.kill(true);
        world.targetUnreachable = false;
        world.start();
        world.loop.runFor(10_000);
        assertThat(world.target.journaled()).isEqualTo(last);
    }

    @Test
    void continuesTheGenerationAfterItWasKilled() {
        world.source.write(200, 4000);
        world.loop.runFor(15);
        world.kill(true);
        world.source.write(200, 4000);
        world.start();
        world.converge();
        assertThat(world.source.basis).hasSize(1);
    }

    @Test
    void letsTheSourceCatchUpWhenTheSpoolIsLost() {
        world.source.write(100, 4000);
        world.converge();
        world.loop.runFor(1000);
        Position journaled = world.target.journaled();
        world.targetUnreachable = true;
        world.cutDownstream();
        world.source.write(100, 4000);
        world.loop.runFor(5000);
        world.kill(false);
        world.volume = new CrashVolume("another disk");
        world.targetUnreachable = false;
        world.start();
        world.source.write(100, 4000);
        world.converge();
        assertThat(world.source.basis).hasSize(2);
        assertThat(world.source.basis.getLast()).as("a catch-up, no resync").isEqualTo(journaled);
    }

    @Test
    void continuesTheGenerationWhenTheSpoolIsLostAndTheTargetHasAllThatWasInIt() {
        world.source.write(100, 4000);
        world.converge();
        world.loop.runFor(1000);
        world.kill(false);
        world.volume = new CrashVolume("another disk");
        world.start();
        world.source.write(100, 4000);
        world.converge();
        assertThat(world.source.basis).hasSize(1);
        assertThat(world.source.refusals).isEmpty();
    }

    @Test
    void doesNotWaitForLongWhereTheSpoolIsLostAndTheTargetDoesNotAnswer() {
        world.source.write(100, 4000);
        world.converge();
        world.loop.runFor(1000);
        world.kill(false);
        world.volume = new CrashVolume("another disk");
        world.targetUnreachable = true;
        world.start();
        world.source.write(100, 4000);
        world.loop.runFor(1_500);
        assertThat(world.source.basis).as("while the target may still answer").hasSize(1);
        world.loop.runFor(20_000);
        assertThat(world.source.basis).hasSize(2);
        assertThat(world.source.positions.spooled()).isEqualTo(world.source.last());
        world.targetUnreachable = false;
        world.converge();
    }

    @Test
    void letsTheSourceCompareAgainWhenTheTargetHasLostItsJournal() {
        world.source.write(100, 4000);
        world.converge();
        world.loop.runFor(1000);
        world.target.lose(new Position(1, 5));
        world.source.write(100, 4000);
        world.loop.runFor(10_000);
        world.source.write(10, 4000);
        world.converge();
        assertThat(world.source.basis.getLast()).isEqualTo(Position.NONE);
        assertThat(world.target.generations.getLast()).isEqualTo(Position.NONE);
    }

    @Test
    void passesAGenerationThatTheTargetKnowsNoBasisOf() {
        world.source.write(50, 1000);
        world.converge();
        world.loop.runFor(100);
        world.source.begin(new Position(1, 9999));
        world.source.write(50, 1000);
        world.source.restart();
        world.converge();
        assertThat(world.source.refusals).contains(FaultCode.BASIS_UNKNOWN);
        assertThat(world.source.basis.getLast()).isEqualTo(Position.NONE);
        assertThat(world.target.generations).doesNotContain(new Position(1, 9999));
    }

    @Test
    void skipsARefusedGenerationWhenTheNextIsHeldAlready() {
        world.source.write(50, 1000);
        world.converge();
        world.loop.runFor(100);
        world.targetUnreachable = true;
        world.cutDownstream();
        world.source.begin(new Position(1, 9999));
        world.source.write(50, 1000);
        world.source.restart();
        world.loop.runFor(3000);
        world.source.begin(Position.NONE);
        world.source.write(50, 1000);
        world.source.restart();
        world.loop.runFor(3000);
        assertThat(world.source.positions.spooled()).isEqualTo(world.source.last());
        world.targetUnreachable = false;
        world.converge();
        assertThat(world.source.refusals).doesNotContain(FaultCode.BASIS_UNKNOWN);
        assertThat(world.source.generation()).isEqualTo(3);
    }

    @Test
    void takesALowerGenerationThanOneThatTheTargetKnowsNoBasisOf() {
        world.source.write(50, 1000);
        world.converge();
        world.source.generationStep = 1000;
        world.source.begin(new Position(1, 9999));
        world.source.write(50, 1000);
        world.source.restart();
        world.runUntil(() -> world.source.refusals.contains(FaultCode.BASIS_UNKNOWN));
        world.source.sender.close();
        TestSource lost = new TestSource(world.loop, this::dial, RelayWorld.MACHINE, 5);
        lost.generationStep = 500;
        lost.begin(Position.NONE);
        lost.write(10, 1000);
        world.loop.runFor(30_000);
        assertThat(lost.refusals).isEmpty();
        assertThat(world.target.journaled()).isEqualTo(lost.last());
        lost.close();
    }

    @Test
    void passesAGenerationThatOrdersAnotherReplica() {
        world.source.write(50, 1000);
        world.source.order(new UUID(9, 9));
        world.source.write(50, 1000);
        world.converge();
        assertThat(world.source.refusals).contains(FaultCode.BASIS_UNKNOWN);
        assertThat(world.source.basis).containsExactly(Position.NONE, Position.NONE);
    }

    @Test
    void skipsOnlyTheGenerationThatOrdersAnotherReplicaWhereTheNextIsHeldAlready() {
        world.source.write(50, 1000);
        world.converge();
        world.loop.runFor(100);
        world.targetUnreachable = true;
        world.cutDownstream();
        world.source.order(new UUID(9, 9));
        world.source.begin(Position.NONE);
        world.source.restart();
        world.source.write(20, 1000);
        world.source.order(TestTarget.REPLICA);
        world.loop.runFor(3000);
        assertThat(world.source.positions.spooled()).isEqualTo(world.source.last());
        world.targetUnreachable = false;
        world.converge();
        assertThat(world.source.refusals).doesNotContain(FaultCode.BASIS_UNKNOWN);
        assertThat(world.source.generation()).isEqualTo(2);
    }

    @Test
    void tellsTheSourceThatItIsFencedAndAsksAgainWhenItComes() {
        world.source.write(50, 1000);
        world.converge();
        world.target.refusesHello = FaultCode.FENCED;
        world.cutDownstream();
        world.loop.runFor(10_000);
        assertThat(world.source.refusals).contains(FaultCode.FENCED);
        assertThat(world.source.sender.status().state()).isEqualTo("refused");
        assertThat(world.status().trouble()).contains("BH-0009");
        world.target.refusesHello = null;
        world.source.write(10, 1000);
        world.source.restart();
        world.converge();
    }

    @Test
    void refusesAGenerationOlderThanWhatItHolds() {
        world.source.write(50, 1000);
        world.converge();
        world.source.begin(world.target.journaled());
        world.source.restart();
        world.converge();
        TestSource stale = new TestSource(world.loop, this::dial,
                RelayWorld.MACHINE, 5);
        world.source.sender.close();
        world.loop.runFor(5000);
        assertThat(stale.refusals).contains(FaultCode.STALE_GENERATION);
        stale.close();
    }

    private void dial(String address, Role role, io.backhaul.engine.loop.Loop on,
            io.backhaul.engine.link.Dialler.Outcome outcome) {
        world.dialRelay(address, role, on, outcome);
    }

    @Test
    void relaysDigestsOrSaysThatNobodyCanBeAsked() {
        world.loop.runFor(1000);
        DigestRequest request = new DigestRequest(RelayWorld.MACHINE, Position.NONE, 7, 0, 65_536,
                List.of(new DigestRequest.Run(0, 4)));
        world.source.sender.control(request.frame(ByteBufAllocator.DEFAULT));
        world.loop.runFor(100);
        world.targetUnreachable = true;
        world.cutDownstream();
        world.loop.runFor(100);
        world.source.sender.control(request.frame(ByteBufAllocator.DEFAULT));
        world.loop.runFor(100);
        assertThat(world.source.digests).extracting(Digests::status).containsExactly(Digests.Status.ALL_ZERO,
                Digests.Status.UNAVAILABLE);
    }

    @Test
    void relaysWhatIsAskedForAgainOrForgetsItWhereNobodyTakesIt() {
        world.loop.runFor(1000);
        Resend resend = new Resend(RelayWorld.MACHINE, new Position(1, 1), List.of(new Resend.Extent(0, 8192, 4096)));
        world.target.ask(resend, 1);
        world.loop.runFor(100);
        assertThat(world.source.resends).containsExactly(resend);
        world.source.sender.close();
        world.loop.runFor(100);
        world.target.ask(resend, 3);
        world.loop.runFor(100);
        world.source.restart();
        world.loop.runFor(1000);
        assertThat(world.source.resends).containsExactly(resend);
        assertThat(world.source.refusals).isEmpty();
        world.target.ask(resend, 1);
        world.loop.runFor(100);
        assertThat(world.source.resends).containsExactly(resend, resend);
    }

    @Test
    void keepsNothingForASourceThatDoesNotReadWhatItIsAskedFor() {
        world.loop.runFor(1000);
        Resend resend = new Resend(RelayWorld.MACHINE, new Position(1, 1),
                Collections.nCopies(Limits.MAX_RESEND_EXTENTS, new Resend.Extent(0, 8192, 4096)));
        world.towardsSource.getLast().stuckBytes = 2L << 20;
        world.target.ask(resend, 100);
        world.loop.runFor(100);
        assertThat(world.source.resends).isEmpty();
    }

    @Test
    void admitsNobodyButTheMachineItself() {
        world.loop.runFor(100);
        world.sourceIdentity = new Identity(Role.MASTER_TARGET, RelayWorld.MACHINE);
        world.source.restart();
        world.loop.runFor(1000);
        world.sourceIdentity = new Identity(Role.SOURCE, new UUID(6, 6));
        world.source.restart();
        world.loop.runFor(1000);
        assertThat(world.source.refusals).isNotEmpty().containsOnly(FaultCode.NOT_AUTHORISED);
    }

    @Test
    void letsANewerLinkDisplaceTheOlder() {
        world.source.write(20, 1000);
        world.converge();
        TestSource twin = new TestSource(world.loop, this::dial, RelayWorld.MACHINE, 5);
        world.loop.runFor(50);
        assertThat(world.source.refusals).contains(FaultCode.DISPLACED);
        twin.close();
    }

    @Test
    void givesUpWhatTheTargetHasPassedAnotherWay() {
        world.source.write(20, 1000);
        world.converge();
        world.targetUnreachable = true;
        world.cutDownstream();
        world.source.write(20, 1000);
        world.loop.runFor(3000);
        Position left = world.source.last();
        world.source.sender.close();
        world.loop.runFor(1000);
        assertThat(world.status().delivered()).isFalse();
        world.target.refusesHello = FaultCode.STALE_GENERATION;
        world.targetUnreachable = false;
        world.loop.runFor(120_000);
        assertThat(world.status().delivered()).isTrue();
        assertThat(world.status().state()).isEqualTo("IDLE");
        assertThat(world.status().positions().spooled()).as("what it said stays said").isEqualTo(left);
        world.target.refusesHello = null;
        world.source.begin(world.target.journaled());
        world.source.restart();
        world.source.write(20, 1000);
        world.converge();
    }

    @Test
    void givesUpAsWellWhereTheSourceHasGoneSinceItWasTold() {
        world.source.write(20, 1000);
        world.converge();
        world.target.refusesHello = FaultCode.STALE_GENERATION;
        world.cutDownstream();
        world.source.write(20, 1000);
        world.runUntil(() -> world.source.refusals.contains(FaultCode.STALE_GENERATION));
        int greetings = world.target.welcomes;
        world.loop.runFor(120_000);
        assertThat(world.target.welcomes).as("it asked once more, and then gave up").isEqualTo(greetings + 1);
        assertThat(world.status().delivered()).isTrue();
        assertThat(world.status().state()).isEqualTo("IDLE");
    }

    @Test
    void greetsAgainWhereTheSourceHasComeWithANewerGenerationThanTheOneRefused() {
        world.source.write(20, 1000);
        world.converge();
        world.target.holdBack(true);
        world.source.write(20, 1000);
        world.loop.runFor(1000);
        int welcomes = world.target.welcomes;
        world.cutDownstream();
        world.source.sender.close();
        world.runUntil(() -> world.target.welcomes > welcomes);
        world.source.begin(world.target.journaled());
        world.source.restart();
        world.runUntil(() -> world.status().sourceLinked());
        world.target.refusesHello = FaultCode.STALE_GENERATION;
        world.target.holdBack(false);
        world.target.refusesHello = null;
        world.source.write(20, 1000);
        world.converge();
        assertThat(world.source.refusals).isEmpty();
    }

    @Test
    void letsGoOfALinkThatIsOfNoUse() {
        world.source.write(20, 1000);
        world.converge();
        world.loop.runFor(300_000);
        assertThat(world.status().state()).as("a source is linked").isEqualTo("STREAMING");
        world.source.sender.close();
        world.loop.runFor(60_000);
        assertThat(world.status().state()).isEqualTo("IDLE");
        world.source.restart();
        world.source.write(20, 1000);
        world.converge();
    }

    @Test
    void doesNotPushAnotherWayOutWhereNothingIsLeftToDeliver() {
        world.source.write(20, 1000);
        world.converge();
        world.source.sender.close();
        world.loop.runFor(1000);
        int welcomes = world.target.welcomes;
        world.target.displace();
        world.loop.runFor(300_000);
        assertThat(world.target.welcomes).isEqualTo(welcomes);
        assertThat(world.status().state()).isEqualTo("IDLE");
        world.source.restart();
        world.source.write(20, 1000);
        world.converge();
        world.target.displace();
        world.loop.runFor(300_000);
        assertThat(world.target.welcomes).as("a source is linked").isGreaterThan(welcomes + 1);
    }

    @Test
    void givesADamagedGenerationUpAndDeliversTheNextHoweverFarItIs() {
        world.source.write(5, 400);
        world.converge();
        world.targetUnreachable = true;
        world.cutDownstream();
        world.source.generationStep = 1_000_000;
        long[] generations = new long[3];
        for (int i = 0; i < generations.length; i++) {
            world.source.begin(Position.NONE);
            world.source.write(5, 400);
            world.source.restart();
            world.loop.runFor(1000);
            generations[i] = world.source.generation();
        }
        world.damageSpool(new Position(generations[1], 1));
        world.targetUnreachable = false;
        world.converge();
        assertThat(world.target.journal).containsKey(new Position(generations[0], 1))
                .doesNotContainKey(new Position(generations[1], 1)).containsKey(new Position(generations[2], 1));
        assertThat(world.source.basis).as("the source began no other one").hasSize(4);
    }

    @Test
    void saysWhatDamagedFramesCostAndBeginsAnewBehindThem() {
        world.targetUnreachable = true;
        world.source.write(300, 4000);
        world.loop.runFor(5000);
        var spool = world.spool();
        String victim = spool.list("").get(3);
        byte[] bytes = spool.bytes(victim);
        bytes[bytes.length / 2] ^= 0x10;
        spool.put(victim, bytes);
        world.targetUnreachable = false;
        world.loop.runFor(20_000);
        world.source.write(10, 4000);
        world.converge();
        assertThat(world.source.basis).hasSize(2);
    }

    @Test
    void retriesWhenTheFolderCannotBeOpenedAtFirst() {
        RelayWorld other = new RelayWorld(3);
        other.kill(false);
        other.volume.failIn(0, new DeviceFullException("full"));
        other.volume.folder(RelayWorld.MACHINE.toString()).failIn(0, new DeviceFullException("full"));
        other.start();
        other.source.write(10, 1000);
        other.loop.runFor(3000);
        assertThat(other.source.refusals).contains(FaultCode.STORE_FULL);
        other.volume.mend();
        other.volume.folder(RelayWorld.MACHINE.toString()).mend();
        other.converge();
        other.close();
    }
}

package io.backhaul.engine.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** A master target dials in and offers links; the process server takes one for each machine that it dials that target for. */
class OfferedLinksTest {
    private static final UUID TARGET = new UUID(9, 1);
    private static final UUID MACHINE = new UUID(7, 7);
    private static final Identity RELAY = new Identity(Role.PROCESS_SERVER, new UUID(8, 8));
    private static final HopTiming TIMING = HopTiming.DEFAULT;

    private final TestLoop loop = new TestLoop();
    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false);
    private final FaultLog faults = new FaultLog(loop);
    private final FaultLog targetFaults = new FaultLog(loop);
    private final OfferedLinks offered = new OfferedLinks(
            new OfferedLinks.Ports(loop, allocator, TIMING, this::dialledElsewhere, faults), Set.of(TARGET));
    private final List<String> elsewhere = new ArrayList<>();
    private final List<Hello> greeted = new ArrayList<>();
    private final List<MemoryLink> made = new ArrayList<>();
    private boolean reachable = true;
    private Identity comesAs = new Identity(Role.MASTER_TARGET, TARGET);
    private final Reception reception = new Reception(new Reception.Ports(loop, allocator, TIMING, 4, targetFaults),
            (link, hello) -> {
                greeted.add(hello);
                link.attach(loop, new Quiet());
            });

    private static final class Quiet implements Link.Listener {
        @Override
        public void frame(Frame frame) {
            frame.release();
        }

        @Override
        public void closed(String why) {}
    }

    /** What has come of one dial of the process server's. */
    private final class Dialled implements Dialler.Outcome {
        private final List<Link> links = new ArrayList<>();
        private final List<String> failures = new ArrayList<>();

        @Override
        public void connected(Link link) {
            links.add(link);
            link.attach(loop, new Quiet());
        }

        @Override
        public void failed(FaultCode code, String why) {
            failures.add(code + " " + why);
        }

        void greet() {
            links.getFirst().send(new Hello(MACHINE, 1, 1, 1, "test").frame(allocator));
        }
    }

    private void dialledElsewhere(String address, Role role, Loop on, Dialler.Outcome outcome) {
        elsewhere.add(address);
    }

    /** The network from the target to the process server. */
    private void connect(String address, Role role, Loop on, Dialler.Outcome outcome) {
        assertThat(role).isEqualTo(Role.PROCESS_SERVER);
        if (!reachable) {
            on.execute(() -> outcome.failed(FaultCode.UNREACHABLE, "nobody there"));
            return;
        }
        List<MemoryLink> ends = MemoryLink.pair(loop, comesAs, RELAY, 1_000_000);
        made.add(ends.getFirst());
        on.execute(() -> outcome.connected(ends.getFirst()));
        loop.execute(() -> offered.accepted(ends.getLast()));
    }

    private LinkOffers offers() {
        return new LinkOffers(new LinkOffers.Ports(loop, allocator, TIMING, this::connect, new SplittableRandom(1),
                targetFaults), "relay:9443", reception);
    }

    private Dialled dial() {
        Dialled dialled = new Dialled();
        offered.dial(OfferedLinks.address(TARGET), Role.MASTER_TARGET, loop, dialled);
        return dialled;
    }

    @Test
    void whoDialsIsGivenTheLinkInReserveAndTheNextOneIsMade() {
        offers();
        loop.runFor(100);
        assertThat(offered.inReserve()).isEqualTo(1);
        Dialled first = dial();
        loop.runFor(10);
        assertThat(first.links).hasSize(1);
        assertThat(offered.inReserve()).as("not before it is greeted").isZero();
        first.greet();
        loop.runFor(10);
        assertThat(greeted).hasSize(1);
        assertThat(greeted.getFirst().machine()).isEqualTo(MACHINE);
        assertThat(offered.inReserve()).isEqualTo(1);
        assertThat(made).hasSize(2);
        loop.runFor(60_000);
        assertThat(made).as("the reserve is kept alive").hasSize(2);
        assertThat(made.getLast().isOpen()).isTrue();
    }

    @Test
    void manyThatDialAtOnceAreServedOneAfterTheOther() {
        List<Dialled> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add(dial());
        }
        offers();
        for (Dialled each : all) {
            for (int i = 0; i < 100 && each.links.isEmpty(); i++) {
                loop.runFor(1);
            }
            each.greet();
        }
        loop.runFor(10);
        assertThat(greeted).hasSize(20);
        assertThat(offered.inReserve()).isEqualTo(1);
    }

    @Test
    void whoseTargetDoesNotComeIsTold() {
        reachable = false;
        offers();
        Dialled dialled = dial();
        loop.runFor(4_900);
        assertThat(dialled.failures).isEmpty();
        loop.runFor(200);
        assertThat(dialled.failures).containsExactly(
                "UNREACHABLE " + OfferedLinks.address(TARGET) + " has not dialled in");
        assertThat(targetFaults.recent()).anyMatch(fault -> fault.code() == FaultCode.UNREACHABLE && fault.standing());
        reachable = true;
        Dialled next = dial();
        loop.runFor(4_900 + TIMING.lastRetry().toMillis());
        assertThat(offered.inReserve() + next.links.size()).isEqualTo(1);
        assertThat(targetFaults.recent())
                .noneMatch(fault -> fault.code() == FaultCode.UNREACHABLE && fault.standing());
    }

    @Test
    void nobodyComesInAnothersName() {
        comesAs = new Identity(Role.MASTER_TARGET, new UUID(9, 2));
        LinkOffers stranger = offers();
        Dialled dialled = dial();
        loop.runFor(6_000);
        assertThat(dialled.links).isEmpty();
        assertThat(offered.inReserve()).isZero();
        assertThat(targetFaults.total(FaultCode.NOT_AUTHORISED)).as("told why, and tries again later and later")
                .isBetween(4L, 12L);
        stranger.close();
        comesAs = new Identity(Role.SOURCE, TARGET);
        LinkOffers source = offers();
        loop.runFor(1_000);
        assertThat(offered.inReserve()).isZero();
        source.close();
        loop.runFor(20_000);
        int before = made.size();
        loop.runFor(60_000);
        assertThat(made).as("closed: no more are made").hasSize(before);
    }

    @Test
    void aNewerLinkTakesThePlaceOfTheOneInReserve() {
        offers();
        loop.runFor(100);
        // The target is killed and comes back; the process server has not heard that the first link is dead.
        offers();
        loop.runFor(20);
        assertThat(made.getFirst().isOpen()).isFalse();
        Dialled dialled = dial();
        loop.runFor(20);
        assertThat(dialled.links).hasSize(1);
        dialled.greet();
        loop.runFor(20);
        assertThat(greeted).hasSize(1);
    }

    @Test
    void aReserveThatIsDeadWithoutAnyonesKnowingIsGivenUpByBothSides() {
        offers();
        loop.runFor(100);
        MemoryLink first = made.getFirst();
        first.loses = frame -> true;
        loop.runFor(3 * TIMING.heartbeat().toMillis() + 2 * TIMING.heartbeat().toMillis() + 500);
        assertThat(first.isOpen()).isFalse();
        assertThat(faults.total(FaultCode.PEER_SILENT) + targetFaults.total(FaultCode.PEER_SILENT)).isPositive();
        loop.runFor(1_000);
        assertThat(offered.inReserve()).isEqualTo(1);
        Dialled dialled = dial();
        loop.runFor(10);
        dialled.greet();
        loop.runFor(10);
        assertThat(greeted).hasSize(1);
    }

    @Test
    void aLinkThatIsCutInReserveIsMadeAnew() {
        offers();
        loop.runFor(100);
        made.getFirst().cut();
        loop.runFor(5);
        assertThat(offered.inReserve()).isZero();
        loop.runFor(200);
        assertThat(offered.inReserve()).isEqualTo(1);
    }

    @Test
    void allOtherAddressesAreDialled() {
        offered.dial("target:9443", Role.MASTER_TARGET, loop, new Dialled());
        assertThat(elsewhere).containsExactly("target:9443");
    }
}

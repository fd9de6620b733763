package io.backhaul.engine.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.backhaul.engine.link.Link;
import io.backhaul.protocol.Credit;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameHeader;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import io.backhaul.protocol.WriteBatchBuilder;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class StreamTest {
    private static final UUID MACHINE = CountedFeed.MACHINE;
    private static final long SEED = 20_261_123;

    private static Hop quiet() {
        return new Hop(SEED, 40, 1000, Limits.MAX_FRAME_BYTES);
    }

    private static void finish(Hop hop) {
        assertThat(hop.leakedBytes()).as("leaked bytes").isZero();
    }

    private static void untilDone(Hop hop, Duration within) {
        long end = hop.loop.nanos() + within.toNanos();
        while (hop.sink.durable().isBefore(hop.feed.last()) && hop.loop.nanos() < end) {
            hop.loop.step();
        }
        assertThat(hop.sink.durable()).isEqualTo(hop.feed.last());
    }

    private static void arrivedOnce(Hop hop) {
        assertThat(hop.sink.taken).isEqualTo(hop.feed.positions());
    }

    @Test
    void every_frame_arrives_exactly_once_in_order_however_often_the_link_is_cut() {
        for (long seed = SEED; seed < SEED + 150; seed++) {
            System.out.println("seed " + seed);
            Hop hop = new Hop(seed, 200, 4000, Limits.MAX_FRAME_BYTES);
            int cuts = hop.random.nextInt(30);
            for (int i = 0; i < cuts; i++) {
                int steps = hop.random.nextInt(400);
                for (int step = 0; step < steps; step++) {
                    hop.loop.step();
                }
                hop.cut();
            }
            untilDone(hop, Duration.ofMinutes(10));
            arrivedOnce(hop);
            hop.loop.runFor(1000);
            assertThat(hop.feed.heard.getLast().applied()).isEqualTo(hop.feed.last());
            finish(hop);
        }
    }

    @Test
    void the_smallest_credit_never_locks_up_and_is_never_exceeded() {
        for (long seed = SEED; seed < SEED + 10; seed++) {
            System.out.println("seed " + seed);
            Hop hop = new Hop(seed, 60, (int) (3.9 * (1 << 20)) / 4, Limits.MAX_FRAME_BYTES);
            untilDone(hop, Duration.ofMinutes(5));
            arrivedOnce(hop);
            assertThat(hop.sink.mostHeldBytes).isBetween(1L, (long) Limits.MAX_FRAME_BYTES);
            assertThat(hop.feed.refusals).isEmpty();
            assertThat(hop.feed.welcomes).hasSize(1);
            finish(hop);
        }
    }

    @Test
    void a_sender_without_credit_waits_and_says_so() {
        Hop hop = new Hop(SEED, 400, 200_000, Limits.MAX_FRAME_BYTES);
        hop.sink.stuck = true;
        hop.loop.runFor(60_000);
        assertThat(hop.sender.isStarved()).isTrue();
        assertThat(hop.sender.isStreaming()).isTrue();
        assertThat(hop.sink.heldBytes).isLessThanOrEqualTo(Limits.MAX_FRAME_BYTES);
        hop.sink.stuck = false;
        untilDone(hop, Duration.ofMinutes(1));
        arrivedOnce(hop);
        finish(hop);
    }

    @Test
    void a_new_link_waits_until_what_came_over_the_old_one_is_durable() {
        Hop hop = quiet();
        hop.sink.stuck = true;
        hop.loop.runFor(1000);
        Position accepted = hop.sink.accepted();
        assertThat(accepted).isGreaterThan(hop.sink.durable());
        hop.cut();
        hop.loop.runFor(5000);
        assertThat(hop.feed.welcomes).hasSize(1);
        hop.sink.stuck = false;
        hop.loop.runFor(1000);
        assertThat(hop.feed.welcomes.getLast().durable()).isEqualTo(accepted);
        untilDone(hop, Duration.ofMinutes(1));
        arrivedOnce(hop);
        finish(hop);
    }

    @Test
    void a_peer_that_goes_away_while_the_receiver_settles_is_forgotten() {
        Hop hop = quiet();
        hop.sink.stuck = true;
        hop.loop.runFor(1000);
        hop.cut();
        hop.loop.runFor(300);
        hop.sender.close();
        hop.loop.runFor(5000);
        hop.sink.stuck = false;
        hop.loop.runFor(5000);
        assertThat(hop.sentByReceiver()).doesNotContain(FrameType.WELCOME);
        finish(hop);
    }

    @Test
    void duplicates_are_dropped_and_their_credit_is_given_back() {
        Hop hop = new Hop(SEED, 2, 1000, Limits.MAX_FRAME_BYTES);
        hop.loop.runFor(1000);
        List<FrameType> before = List.copyOf(hop.sentByReceiver());
        for (int i = 0; i < 50; i++) {
            hop.fromSender(CountedFeed.generation(hop.allocator, 1, Position.NONE));
        }
        hop.loop.runFor(1000);
        arrivedOnce(hop);
        assertThat(hop.feed.refusals).isEmpty();
        assertThat(hop.sentByReceiver().stream().filter(FrameType.CREDIT::equals).count())
                .isGreaterThan(before.stream().filter(FrameType.CREDIT::equals).count());
        finish(hop);
    }

    private static void refusesFrame(Function<Hop, Frame> bad, FaultCode code) {
        Hop hop = quiet();
        hop.loop.runFor(5000);
        hop.fromSender(bad.apply(hop));
        hop.loop.runFor(1000);
        assertThat(hop.feed.refusals).extracting(Refusal::fault).containsExactly(code);
        arrivedOnce(hop);
        finish(hop);
    }

    @Test
    void a_lower_generation_is_refused_as_stale() {
        refusesFrame(hop -> {
            assertThat(hop.feed.last().generation()).isGreaterThan(1);
            return CountedFeed.generation(hop.allocator, hop.feed.last().generation() - 1, Position.NONE);
        }, FaultCode.STALE_GENERATION);
    }

    @Test
    void a_gap_is_refused() {
        refusesFrame(hop -> CountedFeed.writes(hop.allocator, hop.feed.last().plus(2), hop.random, 100), FaultCode.GAP);
    }

    @Test
    void a_higher_generation_that_does_not_begin_is_refused() {
        refusesFrame(hop -> CountedFeed.writes(hop.allocator, new Position(hop.feed.last().generation() + 1, 1),
                hop.random, 100), FaultCode.GAP);
    }

    @Test
    void a_basis_that_the_receiver_lacks_is_refused() {
        refusesFrame(hop -> CountedFeed.generation(hop.allocator, hop.feed.last().generation() + 1,
                hop.feed.last().plus(1)), FaultCode.BASIS_UNKNOWN);
    }

    @Test
    void frames_that_no_sender_may_send_are_refused() {
        refusesFrame(hop -> new Credit(MACHINE, 1).frame(hop.allocator), FaultCode.BAD_FRAME);
        refusesFrame(hop -> hop.feed.greeting().frame(hop.allocator), FaultCode.BAD_FRAME);
        refusesFrame(hop -> new Credit(UUID.randomUUID(), 1).frame(hop.allocator), FaultCode.BAD_FRAME);
    }

    @Test
    void more_than_the_credit_is_refused() {
        Hop hop = new Hop(SEED, 1, 1000, Limits.MAX_FRAME_BYTES);
        hop.loop.runFor(1000);
        hop.sink.stuck = true;
        Position at = hop.feed.last();
        for (int i = 0; i < 3; i++) {
            Frame frame = big(hop, at.plus(1));
            at = frame.last();
            hop.fromSender(frame);
        }
        hop.loop.runFor(1000);
        assertThat(hop.feed.refusals).extracting(Refusal::fault).containsExactly(FaultCode.CREDIT_EXCEEDED);
        assertThat(hop.sink.mostHeldBytes).isLessThanOrEqualTo(Limits.MAX_FRAME_BYTES);
        hop.sink.stuck = false;
        finish(hop);
    }

    private static Frame big(Hop hop, Position first) {
        var batch = new WriteBatchBuilder(hop.allocator, 3 << 20);
        for (int i = 0; i < 3; i++) {
            batch.data(0, 0, ByteBuffer.allocate(1 << 20));
        }
        return batch.close(new WriteBatchBuilder.Heading(MACHINE, first, 1, false));
    }

    private static void breaksFromReceiver(Function<Hop, Frame> bad, String words) {
        Hop hop = quiet();
        hop.loop.runFor(5000);
        hop.fromReceiver(bad.apply(hop));
        hop.loop.runFor(20);
        assertThat(hop.sender.status().state()).isEqualTo("waiting");
        assertThat(hop.sender.status().trouble()).startsWith("BH-0001").contains(words);
        hop.loop.runFor(5000);
        assertThat(hop.sender.isStreaming()).isTrue();
        arrivedOnce(hop);
        finish(hop);
    }

    @Test
    void frames_that_no_receiver_may_send_end_the_link() {
        breaksFromReceiver(hop -> CountedFeed.generation(hop.allocator, 90, Position.NONE), "from a receiver");
        breaksFromReceiver(hop -> new Credit(MACHINE, Long.MAX_VALUE).frame(hop.allocator), "credit of");
        breaksFromReceiver(hop -> new Credit(UUID.randomUUID(), 5).frame(hop.allocator), "of machine");
        breaksFromReceiver(hop -> new Welcome(MACHINE, Position.NONE, Position.NONE, 1, 1000, Limits.MAX_FRAME_BYTES)
                .frame(hop.allocator), "second time");
    }

    @Test
    void positions_that_break_the_law_or_go_back_end_the_link() {
        Position far = new Position(99, 1);
        breaksFromReceiver(hop -> new Positions(MACHINE, hop.feed.last(), far, far, far, far).frame(hop.allocator),
                "unlawful");
        breaksFromReceiver(hop -> new Positions(MACHINE, hop.feed.last(), Position.NONE, Position.NONE, Position.NONE,
                Position.NONE).frame(hop.allocator), "after");
    }

    @Test
    void credit_before_the_welcome_ends_the_link() {
        Hop hop = quiet();
        hop.deafAcceptor = true;
        hop.loop.runFor(10);
        assertThat(hop.sender.status().state()).isEqualTo("greeting");
        hop.fromReceiver(new Credit(MACHINE, 1 << 30).frame(hop.allocator));
        hop.loop.runFor(10);
        assertThat(hop.sender.status().trouble()).contains("CREDIT before WELCOME");
        finish(hop);
    }

    @Test
    void a_silent_receiver_is_left_after_three_heartbeats() {
        Hop hop = quiet();
        hop.loop.runFor(5000);
        far(hop).loses = frame -> true;
        hop.loop.runFor(5900);
        assertThat(hop.feed.disconnects).isZero();
        hop.loop.runFor(2200);
        assertThat(hop.feed.disconnects).isEqualTo(1);
        assertThat(hop.sender.status().trouble()).isEmpty();
        assertThat(hop.feed.welcomes).hasSize(2);
        finish(hop);
    }

    @Test
    void a_silent_sender_is_left_after_three_heartbeats_and_told_so() {
        Hop hop = quiet();
        hop.loop.runFor(5000);
        near(hop).loses = frame -> true;
        hop.loop.runFor(10_000);
        assertThat(hop.feed.refusals).extracting(Refusal::fault).containsExactly(FaultCode.PEER_SILENT);
        assertThat(hop.sender.isStreaming()).isTrue();
        finish(hop);
    }

    @Test
    void a_long_frame_on_a_slow_path_is_a_sign_of_life() {
        Hop hop = quiet();
        hop.loop.runFor(5000);
        near(hop).loses = frame -> true;
        far(hop).loses = frame -> true;
        for (int i = 0; i < 40; i++) {
            near(hop).trickle();
            far(hop).trickle();
            hop.loop.runFor(1000);
        }
        assertThat(hop.feed.disconnects).isZero();
        finish(hop);
    }

    @Test
    void a_receiver_that_never_answers_the_greeting_is_left() {
        Hop hop = quiet();
        hop.deafAcceptor = true;
        hop.loop.runFor(10_050);
        assertThat(hop.dials).hasSize(1);
        assertThat(hop.sender.status().trouble()).contains("no welcome");
        hop.deafAcceptor = false;
        untilDone(hop, Duration.ofMinutes(1));
        finish(hop);
    }

    @Test
    void the_wait_between_dials_doubles_up_to_its_limit_with_jitter() {
        Hop hop = quiet();
        hop.unreachable = true;
        hop.loop.runFor(300_000);
        List<Long> waits = new ArrayList<>();
        for (int i = 1; i < hop.dials.size(); i++) {
            waits.add((hop.dials.get(i) - hop.dials.get(i - 1)) / 1_000_000);
        }
        for (int i = 0; i < waits.size(); i++) {
            long full = Math.min(10_000, 100L << Math.min(i, 20));
            assertThat(waits.get(i)).isBetween(full / 2 - 1, full + 1);
        }
        assertThat(waits.stream().skip(10).distinct().count()).as("jitter").isGreaterThan(10);
        hop.unreachable = false;
        untilDone(hop, Duration.ofMinutes(1));
        finish(hop);
    }

    @Test
    void progress_makes_the_next_wait_short_again_and_a_welcome_alone_does_not() {
        Hop hop = quiet();
        hop.unreachable = true;
        hop.loop.runFor(60_000);
        hop.unreachable = false;
        untilDone(hop, Duration.ofMinutes(1));
        hop.loop.runFor(100);
        hop.cut();
        long cut = hop.loop.nanos();
        hop.loop.runFor(1000);
        assertThat((hop.dials.getLast() - cut) / 1_000_000).isCloseTo(75, within(26L));
        for (int i = 0; i < 7; i++) {
            hop.cut();
            cut = hop.loop.nanos();
            hop.loop.runFor(100L << (i + 2));
        }
        assertThat((hop.dials.getLast() - cut) / 1_000_000).isGreaterThan(3000);
        finish(hop);
    }

    @Test
    void a_refusal_may_ask_for_patience() {
        Hop hop = quiet();
        hop.sink.admission = new Refusal(MACHINE, FaultCode.BUSY.number(), 30_000, "come back later");
        hop.loop.runFor(29_000);
        assertThat(hop.dials).hasSize(1);
        hop.sink.admission = null;
        hop.loop.runFor(3000);
        assertThat(hop.dials).hasSize(2);
        finish(hop);
    }

    @Test
    void a_refusal_for_good_is_final_and_kept_for_status() {
        Hop hop = quiet();
        hop.feed.reaction = FrameFeed.Reaction.STOP;
        hop.sink.admission = new Refusal(MACHINE, FaultCode.FENCED, "promoted");
        hop.loop.runFor(Duration.ofHours(1).toMillis());
        assertThat(hop.dials).hasSize(1);
        assertThat(hop.sender.status().state()).isEqualTo("refused");
        assertThat(hop.sender.status().trouble()).isEqualTo("BH-0009 promoted");
        finish(hop);
    }

    @Test
    void a_source_may_speak_for_its_own_machine_only() {
        Hop hop = quiet();
        hop.identity = new Identity(Role.SOURCE, UUID.randomUUID());
        hop.loop.runFor(1000);
        assertThat(hop.feed.refusals).extracting(Refusal::fault).containsOnly(FaultCode.NOT_AUTHORISED);
        assertThat(hop.reception.refusals().get(FaultCode.NOT_AUTHORISED)).isEqualTo(hop.feed.refusals.size());
        assertThat(hop.sink.taken).isEmpty();
        finish(hop);
    }

    @Test
    void a_process_server_may_speak_for_any_machine() {
        Hop hop = quiet();
        hop.identity = new Identity(Role.PROCESS_SERVER, UUID.randomUUID());
        untilDone(hop, Duration.ofMinutes(1));
        finish(hop);
    }

    @Test
    void control_frames_pass_both_ways_while_streaming() {
        Hop hop = quiet();
        assertThat(hop.sender.control(request(hop))).isFalse();
        hop.loop.runFor(5000);
        assertThat(hop.sender.control(request(hop))).isTrue();
        hop.fromReceiver(Digests
                .none(new DigestRequest(MACHINE, Position.NONE, 1, 0, 4096, List.of(new DigestRequest.Run(0, 1))),
                        Digests.Status.UNAVAILABLE)
                .frame(hop.allocator));
        hop.loop.runFor(100);
        assertThat(hop.sink.controls).isEqualTo(1);
        assertThat(hop.feed.controls).isEqualTo(1);
        finish(hop);
    }

    private static Resend resend(int extents) {
        return new Resend(MACHINE, new Position(3, 17),
                Collections.nCopies(extents, new Resend.Extent(1, 65_536, 4096)));
    }

    @Test
    void what_is_asked_for_again_comes_while_streaming_only() {
        Hop hop = quiet();
        hop.deafAcceptor = true;
        hop.loop.runFor(10);
        hop.fromReceiver(resend(1).frame(hop.allocator));
        hop.loop.runFor(10);
        assertThat(hop.sender.status().trouble()).contains("RESEND before WELCOME");
        hop.deafAcceptor = false;
        hop.loop.runFor(5000);
        assertThat(Objects.requireNonNull(hop.receiver).offer(resend(2).frame(hop.allocator))).isTrue();
        hop.loop.runFor(100);
        assertThat(hop.feed.resends).containsExactly(resend(2));
        finish(hop);
    }

    @Test
    void nobody_but_a_receiver_asks_for_anything_again() {
        refusesFrame(hop -> resend(1).frame(hop.allocator), FaultCode.BAD_FRAME);
    }

    @Test
    void what_is_asked_for_again_is_left_out_while_much_waits_to_be_sent() {
        Hop hop = quiet();
        hop.loop.runFor(5000);
        far(hop).stuckBytes = Link.LOW_WATER_BYTES;
        assertThat(Objects.requireNonNull(hop.receiver).offer(resend(1).frame(hop.allocator))).isFalse();
        far(hop).stuckBytes = 0;
        hop.loop.runFor(100);
        assertThat(hop.feed.resends).isEmpty();
        finish(hop);
    }

    @Test
    void a_malformed_wish_to_have_something_again_ends_the_link() {
        breaksFromReceiver(hop -> {
            Frame frame = resend(1).frame(hop.allocator);
            return tampered(hop, frame);
        }, "extents to be sent again");
    }

    /** The same frame, with a number of extents that there are not. */
    private static Frame tampered(Hop hop, Frame whole) {
        var fields = FrameHeader.Fields.control(FrameType.RESEND, MACHINE, whole.first());
        whole.release();
        return Frame.of(hop.allocator, fields, body -> body.writeIntLE(Limits.MAX_RESEND_EXTENTS + 1).writeIntLE(0));
    }

    private static Frame request(Hop hop) {
        return new DigestRequest(MACHINE, Position.NONE, 1, 0, 4096, List.of(new DigestRequest.Run(0, 1)))
                .frame(hop.allocator);
    }

    @Test
    void versions_that_do_not_meet_are_refused() {
        Hop hop = quiet();
        hop.deafAcceptor = true;
        hop.loop.runFor(10);
        hop.reception.accepted(far(hop));
        hop.fromSender(new Hello(MACHINE, 1, 2, 3, "later").frame(hop.allocator));
        hop.loop.runFor(100);
        assertThat(hop.feed.refusals).extracting(Refusal::fault).contains(FaultCode.VERSION_MISMATCH);
        finish(hop);
    }

    @Test
    void too_many_links_that_wait_are_turned_away_and_silent_ones_after_a_while() {
        Hop hop = quiet();
        hop.unreachable = true;
        List<MemoryLink> ends = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            List<MemoryLink> pair = MemoryLink.pair(hop.loop, hop.identity, hop.identity, 1000);
            hop.reception.accepted(pair.getLast());
            ends.add(pair.getLast());
        }
        hop.loop.runFor(1000);
        assertThat(ends).extracting(MemoryLink::isOpen).containsExactly(true, true, true, true, false, false);
        assertThat(hop.reception.refusals()).containsEntry(FaultCode.BUSY, 2L);
        hop.loop.runFor(10_000);
        assertThat(ends).noneMatch(MemoryLink::isOpen);
        assertThat(hop.reception.waiting()).isZero();
        assertThat(hop.reception.refusals()).containsEntry(FaultCode.PEER_SILENT, 4L);
        finish(hop);
    }

    private static MemoryLink near(Hop hop) {
        return Objects.requireNonNull(hop.near);
    }

    private static MemoryLink far(Hop hop) {
        return Objects.requireNonNull(hop.far);
    }
}

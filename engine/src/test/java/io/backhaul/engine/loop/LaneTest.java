package io.backhaul.engine.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LaneTest {
    private static final long SECONDS = 20;
    private final List<String> defects = new CopyOnWriteArrayList<>();
    private final NettyLoops loops = new NettyLoops(1,
            (where, defect) -> defects.add(where + ": " + defect.getMessage()));
    private final NettyLoop loop = loops.next();

    @AfterEach
    void end() {
        loops.close();
    }

    private Defects noting() {
        return (where, defect) -> defects.add(where + ": " + defect.getMessage());
    }

    private final class Answer<T> extends CompletableFuture<T> implements Lane.Outcome<T> {
        @Override
        public void done(T result) {
            assertThat(loop.isCurrent()).isTrue();
            complete(result);
        }

        @Override
        public void failed(IOException cause) {
            assertThat(loop.isCurrent()).isTrue();
            completeExceptionally(cause);
        }

        T await() throws Exception {
            return get(SECONDS, TimeUnit.SECONDS);
        }

        String awaitFailure() {
            Awaitility.await().atMost(SECONDS, TimeUnit.SECONDS).until(this::isDone);
            return String.valueOf(exceptionNow().getMessage());
        }
    }

    private <T> Answer<T> submit(Lane lane, Lane.Work<T> work) {
        Answer<T> answer = new Answer<>();
        lane.submit(work, loop, answer);
        return answer;
    }

    @Test
    void work_is_done_in_order_off_the_loop_and_answered_on_it() throws Exception {
        try (ThreadLane lane = new ThreadLane("disk")) {
            List<Integer> order = new CopyOnWriteArrayList<>();
            List<Answer<String>> answers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                int number = i;
                answers.add(submit(lane, () -> {
                    order.add(number);
                    return Thread.currentThread().getName();
                }));
            }
            assertThat(answers.getLast().await()).isEqualTo("disk-1");
            assertThat(order).isEqualTo(IntStream.range(0, 200).boxed().toList());
        }
    }

    @Test
    void a_failure_is_an_answer() {
        try (ThreadLane lane = new ThreadLane("disk")) {
            assertThat(submit(lane, () -> {
                throw new IOException("broken");
            }).awaitFailure()).isEqualTo("broken");
        }
    }

    @Test
    void a_defect_is_reported_and_the_lane_goes_on() throws Exception {
        try (ThreadLane lane = new ThreadLane("disk", noting())) {
            Answer<Boolean> first = submit(lane, () -> {
                throw new IllegalStateException("bug");
            });
            assertThat(submit(lane, () -> 7).await()).isEqualTo(7);
            assertThat(defects).containsExactly("lane disk: bug");
            assertThat(first).isNotDone();
        }
    }

    @Test
    void a_full_mailbox_fails_the_work_unbegun() throws Exception {
        try (ThreadLane lane = new ThreadLane("disk")) {
            CountDownLatch gate = new CountDownLatch(1);
            CountDownLatch begun = new CountDownLatch(1);
            Answer<Boolean> first = submit(lane, () -> {
                begun.countDown();
                return passes(gate);
            });
            assertThat(begun.await(SECONDS, TimeUnit.SECONDS)).isTrue();
            List<Answer<Integer>> waiting = IntStream.range(0, LanePool.LANE_CAPACITY)
                    .mapToObj(i -> submit(lane, () -> i)).toList();
            AtomicInteger ran = new AtomicInteger();
            assertThat(submit(lane, ran::incrementAndGet).awaitFailure()).contains("lane disk is full");
            gate.countDown();
            assertThat(waiting.getLast().await()).isEqualTo(LanePool.LANE_CAPACITY - 1);
            assertThat(ran).hasValue(0);
            assertThat(first.await()).isTrue();
        }
    }

    private static boolean passes(CountDownLatch gate) throws IOException {
        try {
            return gate.await(SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException stopped) {
            throw new IOException(stopped);
        }
    }

    @Test
    void closing_finishes_what_was_taken_and_refuses_the_rest() throws Exception {
        ThreadLane lane = new ThreadLane("disk");
        List<Answer<Integer>> taken = IntStream.range(0, 100).mapToObj(i -> submit(lane, () -> i)).toList();
        lane.close();
        assertThat(taken.getLast().await()).isEqualTo(99);
        assertThat(submit(lane, () -> 1).awaitFailure()).isEqualTo("lane disk is closed");
    }

    @Test
    void lanes_of_a_pool_are_serial_each_and_take_turns() throws Exception {
        try (LanePool pool = new LanePool("disks", 2)) {
            AtomicInteger inside = new AtomicInteger();
            AtomicInteger collisions = new AtomicInteger();
            Lane serial = pool.lane("a");
            CountDownLatch gate = new CountDownLatch(1);
            Answer<Boolean> blocked = submit(pool.lane("slow"), () -> passes(gate));
            List<Answer<Integer>> answers = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                answers.add(submit(serial, () -> {
                    collisions.addAndGet(inside.incrementAndGet() - 1);
                    return inside.decrementAndGet();
                }));
                answers.add(submit(pool.lane("other " + i), () -> 0));
            }
            for (Answer<Integer> answer : answers) {
                assertThat(answer.await()).isZero();
            }
            assertThat(collisions).hasValue(0);
            gate.countDown();
            assertThat(blocked.await()).isTrue();
        }
    }

    @Test
    void a_task_of_a_loop_that_throws_is_a_defect_and_timers_can_be_cancelled() {
        List<String> ran = new CopyOnWriteArrayList<>();
        loop.execute(() -> {
            Loop.Timer never = loop.schedule(1_000_000, () -> ran.add("never"));
            loop.schedule(20_000_000, () -> ran.add("later"));
            loop.schedule(0, () -> ran.add("now"));
            never.cancel();
            throw new IllegalStateException("bug");
        });
        Awaitility.await().atMost(SECONDS, TimeUnit.SECONDS)
                .untilAsserted(() -> assertThat(ran).containsExactly("now", "later"));
        assertThat(defects).singleElement().asString().endsWith("bug");
        assertThat(loop.clock().nanos()).isLessThanOrEqualTo(System.nanoTime());
        assertThat(loop.clock().wallMicros() / 1_000_000).isBetween(System.currentTimeMillis() / 1000 - 5,
                System.currentTimeMillis() / 1000 + 5);
    }
}

package io.backhaul.mastertarget;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.time.Clock;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.random.RandomGenerator;

/** One thread in which a loop and some lanes take turns by chance, in a time of its own. A crash forgets what waits. */
final class World {
    private final RandomGenerator random;
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private final PriorityQueue<Alarm> alarms = new PriorityQueue<>(
            Comparator.comparingLong(Alarm::nanos).thenComparingLong(Alarm::number));
    private final List<TestLane> lanes = new ArrayList<>();
    private long nanos = 1;
    private long wallMicros = 1_000_000_000_000L;
    private long alarmNumber;

    private record Alarm(long nanos, long number, Runnable task, AtomicBoolean cancelled) {}

    World(RandomGenerator random) {
        this.random = random;
    }

    final Clock clock = new Clock() {
        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public long wallMicros() {
            return wallMicros + nanos / 1000;
        }
    };

    final Loop loop = new Loop() {
        @Override
        public void execute(Runnable task) {
            tasks.add(task);
        }

        @Override
        public Timer schedule(long delayNanos, Runnable task) {
            AtomicBoolean cancelled = new AtomicBoolean();
            alarms.add(new Alarm(nanos + delayNanos, alarmNumber++, task, cancelled));
            return () -> cancelled.set(true);
        }

        @Override
        public boolean isCurrent() {
            return true;
        }

        @Override
        public Clock clock() {
            return clock;
        }
    };

    Lane lane() {
        TestLane lane = new TestLane();
        lanes.add(lane);
        return lane;
    }

    MasterTargetMachine.Lanes lanes() {
        return new MasterTargetMachine.Lanes(lane(), lane(), lane(), lane(), lane(), lane());
    }

    private final class TestLane implements Lane {
        private final Deque<Runnable> works = new ArrayDeque<>();

        @Override
        public <T> void submit(Work<T> work, Loop replyTo, Outcome<T> outcome) {
            works.add(() -> {
                try {
                    T result = work.run();
                    replyTo.execute(() -> outcome.done(result));
                } catch (IOException failed) {
                    replyTo.execute(() -> outcome.failed(failed));
                }
            });
        }
    }

    /** One thing that can be done now; false where there is nothing. */
    boolean step() {
        List<TestLane> busy = lanes.stream().filter(lane -> !lane.works.isEmpty()).toList();
        int choices = busy.size() + (tasks.isEmpty() ? 0 : 1);
        if (choices == 0) {
            return false;
        }
        int choice = random.nextInt(choices);
        nanos += random.nextInt(100_000);
        if (choice < busy.size()) {
            busy.get(choice).works.remove().run();
        } else {
            tasks.remove().run();
        }
        return true;
    }

    /** Does so many things, alarms that are due among them. */
    void steps(int count) {
        for (int i = 0; i < count; i++) {
            ring();
            if (!step()) {
                return;
            }
        }
    }

    private void ring() {
        while (!alarms.isEmpty() && alarms.peek().nanos <= nanos) {
            Alarm alarm = alarms.remove();
            if (!alarm.cancelled.get()) {
                tasks.add(alarm.task);
            }
        }
    }

    /** Does everything there is to do, and lets time pass. */
    void pass(long duration) {
        long end = nanos + duration;
        while (true) {
            ring();
            if (step()) {
                continue;
            }
            if (alarms.isEmpty() || alarms.peek().nanos > end) {
                nanos = Math.max(nanos, end);
                return;
            }
            nanos = Math.max(nanos, alarms.peek().nanos);
        }
    }

    /** The wall clock moves. */
    void wall(long micros) {
        wallMicros += micros;
    }

    /** Everything that waits is forgotten. */
    void crash() {
        tasks.clear();
        alarms.clear();
        lanes.clear();
    }
}

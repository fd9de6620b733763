package io.backhaul.source;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.time.Clock;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/** One thread, virtual time, and a seed that decides who comes first: loops and lanes for tests. */
final class Steps {
    private record Event(long atNanos, long tie, long number, Life life, Runnable task) {}

    /** A process: what belongs to it does nothing any more once it has been killed. */
    static final class Life {
        boolean dead;
    }

    private final PriorityQueue<Event> events = new PriorityQueue<>(
            Comparator.comparingLong(Event::atNanos).thenComparingLong(Event::tie).thenComparingLong(Event::number));
    private final SplittableRandom random;
    private long now = 1_000_000_000;
    private long numbers;

    Steps(SplittableRandom random) {
        this.random = random;
    }

    void after(long delayNanos, Life life, Runnable task) {
        events.add(new Event(now + Math.max(0, delayNanos), random.nextLong(), numbers++, life, task));
    }

    /** Runs the next event; false where there is none. */
    boolean step() {
        Event event = events.poll();
        if (event == null) {
            return false;
        }
        now = event.atNanos();
        if (!event.life().dead) {
            event.task().run();
        }
        return true;
    }

    /** Runs events until the condition holds; fails when that takes more than so many. */
    void until(BooleanSupplier condition, int limit, String what) {
        for (int i = 0; i < limit; i++) {
            if (condition.getAsBoolean()) {
                return;
            }
            if (!step()) {
                break;
            }
        }
        if (!condition.getAsBoolean()) {
            throw new AssertionError("never came about: " + what);
        }
    }

    Clock clock() {
        return new Clock() {
            @Override
            public long nanos() {
                return now;
            }

            @Override
            public long wallMicros() {
                return now / 1000;
            }
        };
    }

    Loop loop(Life life) {
        return new StepLoop(life);
    }

    Lane lane(Life life) {
        return new StepLane(life);
    }

    private final class StepLoop implements Loop {
        private final Life life;
        private final Deque<Runnable> tasks = new ArrayDeque<>();

        StepLoop(Life life) {
            this.life = life;
        }

        @Override
        public void execute(Runnable task) {
            tasks.add(task);
            after(random.nextLong(5_000), life, () -> tasks.remove().run());
        }

        @Override
        public Timer schedule(long delayNanos, Runnable task) {
            boolean[] cancelled = {false};
            after(delayNanos, life, () -> {
                if (!cancelled[0]) {
                    execute(() -> {
                        if (!cancelled[0]) {
                            task.run();
                        }
                    });
                }
            });
            return () -> cancelled[0] = true;
        }

        @Override
        public boolean isCurrent() {
            return true;
        }

        @Override
        public Clock clock() {
            return Steps.this.clock();
        }
    }

    private final class StepLane implements Lane {
        private final Life life;
        private final Deque<Runnable> works = new ArrayDeque<>();

        StepLane(Life life) {
            this.life = life;
        }

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
            after(random.nextLong(200_000), life, () -> works.remove().run());
        }
    }
}

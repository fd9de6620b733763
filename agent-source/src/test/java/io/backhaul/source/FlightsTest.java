package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.loop.Monitor;
import io.backhaul.source.Flights.Flight;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many threads write to the same few blocks, first to the disk and then into the stream, as a captured device does. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class FlightsTest {
    private static final int THREADS = 8;
    private static final int BLOCKS = 24;
    private static final int WRITES = 4000;
    private static final int DISKS = 2;

    private final Flights flights = new Flights(Monitor.ofThreads());
    /** What stands in each block: the number of the write. */
    private final AtomicIntegerArray disk = new AtomicIntegerArray(DISKS * BLOCKS);
    /** What the stream, replayed, would have put there. */
    private final AtomicIntegerArray stream = new AtomicIntegerArray(DISKS * BLOCKS);
    private final AtomicIntegerArray writers = new AtomicIntegerArray(DISKS * BLOCKS);
    private final AtomicInteger numbers = new AtomicInteger();
    private final AtomicInteger sideBySide = new AtomicInteger();

    /** Gives its turn up in the middle, so that another one would come between if it could. */
    @SuppressWarnings("ThreadPriorityCheck")
    private void write(SplittableRandom random) {
        int at = random.nextInt(DISKS);
        int first = random.nextInt(BLOCKS);
        int blocks = 1 + random.nextInt(Math.min(4, BLOCKS - first));
        Flight flight = flights.enter(at, 512L * first, 512L * blocks);
        try {
            int number = numbers.incrementAndGet();
            for (int block = at * BLOCKS + first; block < at * BLOCKS + first + blocks; block++) {
                assertThat(writers.getAndIncrement(block)).as("others in block %s", block).isZero();
                disk.set(block, number);
            }
            sideBySide.accumulateAndGet(busyBlocks() - blocks, Math::max);
            Thread.yield();
            for (int block = at * BLOCKS + first; block < at * BLOCKS + first + blocks; block++) {
                stream.set(block, number);
                writers.getAndDecrement(block);
            }
        } finally {
            flights.leave(flight);
        }
    }

    private int busyBlocks() {
        int busy = 0;
        for (int block = 0; block < writers.length(); block++) {
            busy += writers.get(block);
        }
        return busy;
    }

    private static void all(ExecutorService threads, List<Runnable> tasks)
            throws InterruptedException, ExecutionException {
        List<Future<?>> running = new ArrayList<>();
        for (Runnable task : tasks) {
            running.add(threads.submit(task));
        }
        for (Future<?> each : running) {
            each.get();
        }
    }

    @Test
    void theStreamHasOverlappingWritesInTheOrderOfTheDisk() throws InterruptedException, ExecutionException {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        SplittableRandom seeds = new SplittableRandom(seed);
        CyclicBarrier start = new CyclicBarrier(THREADS);
        List<Runnable> tasks = new ArrayList<>();
        for (int thread = 0; thread < THREADS; thread++) {
            SplittableRandom random = seeds.split();
            tasks.add(() -> {
                meet(start);
                for (int i = 0; i < WRITES; i++) {
                    write(random);
                }
            });
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
            all(threads, tasks);
        }
        for (int block = 0; block < DISKS * BLOCKS; block++) {
            assertThat(stream.get(block)).as("block %s", block).isEqualTo(disk.get(block));
        }
        assertThat(numbers.get()).isEqualTo(THREADS * WRITES);
        assertThat(sideBySide.get()).as("blocks of others that were written meanwhile").isPositive();
    }

    @Test
    void whatDoesNotOverlapEntersAtOnce() {
        List<Flight> together = List.of(flights.enter(0, 512, 512), flights.enter(0, 0, 512),
                flights.enter(0, 1024, 512), flights.enter(1, 0, 2048));
        together.forEach(flights::leave);
        flights.awaitThoseNow();
    }

    /** A monitor that says when somebody begins to wait at it. */
    private static Monitor watched(CountDownLatch waiting) {
        Monitor monitor = Monitor.ofThreads();
        return new Monitor() {
            @Override
            public void lock() {
                monitor.lock();
            }

            @Override
            public void unlock() {
                monitor.unlock();
            }

            @Override
            public void await() {
                waiting.countDown();
                monitor.await();
            }

            @Override
            public void signalAll() {
                monitor.signalAll();
            }
        };
    }

    @Test
    void aBarrierWaitsForThoseBeforeItAndNoOthers() throws InterruptedException, ExecutionException {
        CountDownLatch waiting = new CountDownLatch(1);
        Flights watched = new Flights(watched(waiting));
        Flight before = watched.enter(0, 0, 512);
        try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
            AtomicBoolean left = new AtomicBoolean();
            Future<Boolean> barrier = threads.submit(() -> {
                watched.awaitThoseNow();
                return left.get();
            });
            waiting.await();
            Flight after = watched.enter(0, 512, 512);
            left.set(true);
            watched.leave(before);
            assertThat(barrier.get()).as("the one before it had left").isTrue();
            watched.leave(after);
        }
    }

    private static void meet(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException failed) {
            throw new IllegalStateException(failed);
        }
    }
}

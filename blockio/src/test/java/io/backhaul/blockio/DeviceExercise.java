package io.backhaul.blockio;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Does to a device what a seed says, and to an array the same, and expects the device never to differ from the array. */
public final class DeviceExercise {
    private static final int LARGEST_BYTES = 300_000;

    private final BlockDevice device;
    private final byte[] oracle;
    private final long start;
    private final Random random;

    private DeviceExercise(BlockDevice device, byte[] oracle, long start, long seed) {
        this.device = device;
        this.oracle = oracle;
        this.start = start;
        this.random = new Random(seed);
    }

    /** Exercises a device that is all zero, from one thread, and compares all of it in the end. Returns what it holds then. */
    public static byte[] run(BlockDevice device, long seed, int operations) throws IOException {
        return run(device, new byte[Math.toIntExact(device.sizeBytes())], seed, operations);
    }

    /** Exercises a device that holds what the oracle says. */
    public static byte[] run(BlockDevice device, byte[] oracle, long seed, int operations) throws IOException {
        System.out.println("seed " + seed + " on " + device);
        DeviceExercise exercise = new DeviceExercise(device, oracle, 0, seed);
        exercise.steps(operations);
        exercise.compareAll();
        return oracle;
    }

    /** Exercises a device that is all zero from several threads at once, each in a part of its own. */
    public static void runConcurrently(BlockDevice device, long seed, int threads, int operations) throws Exception {
        System.out.println("seed " + seed + " on " + device + " from " + threads + " threads");
        int part = Math.toIntExact(device.sizeBytes() / threads);
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            for (int index = 0; index < threads; index++) {
                long offset = (long) index * part;
                DeviceExercise exercise = new DeviceExercise(device, new byte[part], offset, seed + index);
                running.add(pool.submit(() -> {
                    exercise.steps(operations);
                    exercise.compareAll();
                    return null;
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof Error error) {
                throw error;
            }
            throw failure;
        }
    }

    private void steps(int operations) throws IOException {
        for (int step = 0; step < operations; step++) {
            int length = length();
            int offset = offset(length);
            switch (random.nextInt(10)) {
                case 0, 1, 2, 3 -> write(offset, length);
                case 4, 5, 6 -> read(offset, length);
                case 7 -> zero(offset, length);
                case 8 -> extents(offset, length);
                default -> device.flush();
            }
        }
    }

    private int length() {
        int length = switch (random.nextInt(5)) {
            case 0 -> 1 + random.nextInt(700);
            case 1 -> 512 * (1 + random.nextInt(16));
            case 2 -> 4096 * (1 + random.nextInt(16));
            case 3 -> 65_536 * (1 + random.nextInt(4));
            default -> random.nextInt(LARGEST_BYTES);
        };
        return Math.min(length, oracle.length);
    }

    private int offset(int length) {
        int room = oracle.length - length;
        int offset = switch (random.nextInt(4)) {
            case 0 -> random.nextInt(room + 1);
            case 1 -> random.nextInt(room / 512 + 1) * 512;
            case 2 -> random.nextInt(room / 65_536 + 1) * 65_536;
            default -> room;
        };
        return Math.min(offset, room);
    }

    private ByteBuffer buffer(int length) {
        int lead = random.nextInt(3) * 7;
        ByteBuffer room = random.nextBoolean() ? ByteBuffer.allocate(length + lead + 5)
                : ByteBuffer.allocateDirect(length + lead + 5);
        return room.position(lead).limit(lead + length);
    }

    private void write(int offset, int length) throws IOException {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        ByteBuffer source = buffer(length);
        source.put(source.position(), bytes);
        device.write(start + offset, source);
        assertThat(source.remaining()).as("what a write left over").isZero();
        System.arraycopy(bytes, 0, oracle, offset, length);
    }

    private void read(int offset, int length) throws IOException {
        ByteBuffer target = buffer(length);
        int before = target.position();
        device.read(start + offset, target);
        assertThat(target.remaining()).as("what a read left over").isZero();
        byte[] bytes = new byte[length];
        target.get(before, bytes);
        same(bytes, offset);
    }

    private void zero(int offset, int length) throws IOException {
        device.zero(start + offset, length);
        Arrays.fill(oracle, offset, offset + length, (byte) 0);
    }

    private void extents(int offset, int length) throws IOException {
        long[] next = {start + offset};
        device.extents(start + offset, length, (at, runLength, zero) -> {
            assertThat(at).as("where a run starts").isEqualTo(next[0]);
            assertThat(runLength).as("length of a run").isPositive();
            next[0] = at + runLength;
            if (zero) {
                int from = (int) (at - start);
                assertThat(nonZero(from, from + (int) runLength))
                        .as("first byte that is not zero in a run told as zero").isEqualTo(-1);
            }
        });
        assertThat(next[0]).as("where the runs end").isEqualTo(start + offset + length);
    }

    private int nonZero(int from, int to) {
        for (int index = from; index < to; index++) {
            if (oracle[index] != 0) {
                return index;
            }
        }
        return -1;
    }

    private void compareAll() throws IOException {
        for (int offset = 0; offset < oracle.length; offset += LARGEST_BYTES) {
            read(offset, Math.min(LARGEST_BYTES, oracle.length - offset));
        }
    }

    private void same(byte[] bytes, int offset) {
        int difference = Arrays.mismatch(bytes, 0, bytes.length, oracle, offset, offset + bytes.length);
        assertThat(difference).as("first difference in a read of %s bytes at %s", bytes.length, offset).isEqualTo(-1);
    }
}

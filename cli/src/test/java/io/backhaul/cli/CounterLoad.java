package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Counts on two disks, first on A and then on B, and each time makes it durable before it goes on: so B is never ahead of
 * A, and never more than one behind.
 */
final class CounterLoad implements AutoCloseable {
    private static final int BLOCK_BYTES = 4096;

    private final FileChannel first;
    private final FileChannel second;
    private final CountDownLatch stop = new CountDownLatch(1);
    private final Thread thread;
    private volatile long count;
    private volatile @Nullable IOException failure;

    private CounterLoad(FileChannel first, FileChannel second) {
        this.first = first;
        this.second = second;
        this.thread = Thread.ofPlatform().daemon().name("counter").unstarted(this::run);
    }

    static CounterLoad start(Path firstDisk, Path secondDisk) throws IOException {
        var load = new CounterLoad(FileChannel.open(firstDisk, StandardOpenOption.WRITE),
                FileChannel.open(secondDisk, StandardOpenOption.WRITE));
        load.thread.start();
        return load;
    }

    private void run() {
        try (first; second) {
            do {
                long next = count + 1;
                count = next;
                put(first, next);
                put(second, next);
            } while (!stop.await(1, TimeUnit.MILLISECONDS));
        } catch (IOException failing) {
            failure = failing;
        } catch (InterruptedException hurry) {
            Thread.currentThread().interrupt();
        }
    }

    private void put(FileChannel disk, long value) throws IOException {
        ByteBuffer block = ByteBuffer.allocate(BLOCK_BYTES).putLong(0, value);
        disk.write(block, 0);
        disk.force(false);
    }

    /** What a disk has counted to. */
    static long on(BlockDevice disk) throws IOException {
        ByteBuffer block = ByteBuffer.allocate(Long.BYTES);
        disk.read(0, block);
        return block.getLong(0);
    }

    long count() {
        return count;
    }

    void stop() throws IOException, InterruptedException {
        stop.countDown();
        thread.join();
        IOException failed = failure;
        if (failed != null) {
            throw failed;
        }
    }

    @Override
    public void close() {
        stop.countDown();
    }
}

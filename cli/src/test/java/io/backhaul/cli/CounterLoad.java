package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Counts on two disks, first on A and then on B, and each time makes it durable before it goes on: so B is never ahead of
 * A, and never more than one behind.
 */
final class CounterLoad implements AutoCloseable {
    private static final int BLOCK_BYTES = 4096;

    private final FileChannel first;
    private final FileChannel second;
    private final Worker worker;
    private volatile long count;

    private CounterLoad(FileChannel first, FileChannel second) {
        this.first = first;
        this.second = second;
        this.worker = new Worker("the counting", this::run);
    }

    static CounterLoad start(Path firstDisk, Path secondDisk) throws IOException {
        var load = new CounterLoad(FileChannel.open(firstDisk, StandardOpenOption.WRITE),
                FileChannel.open(secondDisk, StandardOpenOption.WRITE));
        load.worker.start();
        return load;
    }

    private void run() throws IOException, InterruptedException {
        try (first; second) {
            do {
                long next = count + 1;
                count = next;
                put(first, next);
                put(second, next);
            } while (!worker.rest(1));
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
        worker.stop();
    }

    @Override
    public void close() {
        worker.close();
    }
}

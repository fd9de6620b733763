package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.cli.Ext4.Range;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;

/**
 * Writes to a disk as a database would: blocks of 4 to 64 KiB at places that a seed decides, half of them text, in
 * bursts, each ended by a flush. The disk belongs to its thread while it runs; whoever wants to look at one moment, or
 * write something else, takes the {@link #pause}.
 */
final class WriteLoad implements AutoCloseable {
    private static final int BLOCK_BYTES = 4096;
    private static final int MAX_WRITE_BYTES = 64 << 10;
    private static final int BURST_WRITES = 24;
    private static final long BURST_PAUSE_MILLIS = 40;

    private final BlockDevice disk;
    private final List<Range> places;
    private final long placesBytes;
    private final SplittableRandom random;
    private final Worker worker;
    private final LongAdder writtenBytes = new LongAdder();
    private final LongAdder writes = new LongAdder();

    private WriteLoad(BlockDevice disk, List<Range> places, long seed) {
        this.disk = disk;
        this.places = places;
        this.placesBytes = places.stream().mapToLong(Range::lengthBytes).sum();
        this.random = new SplittableRandom(seed);
        this.worker = new Worker("the write load", this::run);
    }

    /** Begins to write into {@code places}, which are whole blocks of 4 KiB. */
    static WriteLoad start(BlockDevice disk, List<Range> places, long seed) {
        List<Range> whole = places.stream().filter(range -> range.lengthBytes() >= BLOCK_BYTES).toList();
        if (whole.isEmpty()) {
            throw Failure.failed("the disk has no room for a write load: no free block of 4 KiB");
        }
        var load = new WriteLoad(disk, whole, seed);
        load.worker.start();
        return load;
    }

    private void run() throws IOException, InterruptedException {
        do {
            worker.inTurn(this::burst);
        } while (!worker.rest(BURST_PAUSE_MILLIS));
    }

    private void burst() throws IOException {
        for (int index = 0; index < BURST_WRITES; index++) {
            writeOne();
        }
        disk.flush();
    }

    private void writeOne() throws IOException {
        Range place = place(random.nextLong(placesBytes));
        long blocks = place.lengthBytes() / BLOCK_BYTES;
        long first = random.nextLong(blocks);
        int length = (int) Math.min((blocks - first) * BLOCK_BYTES,
                (long) BLOCK_BYTES << random.nextInt(Integer.numberOfTrailingZeros(MAX_WRITE_BYTES / BLOCK_BYTES) + 1));
        byte[] content = new byte[length];
        if (random.nextBoolean()) {
            random.nextBytes(content);
        } else {
            fillWithText(content);
        }
        disk.write(place.offset() + first * BLOCK_BYTES, ByteBuffer.wrap(content));
        writtenBytes.add(length);
        writes.increment();
    }

    private Range place(long at) {
        long left = at;
        for (Range place : places) {
            if (left < place.lengthBytes()) {
                return place;
            }
            left -= place.lengthBytes();
        }
        return places.getLast();
    }

    private void fillWithText(byte[] content) {
        int filled = 0;
        while (filled < content.length) {
            byte[] line = "entry %08x account %05d amount %09d\n"
                    .formatted(random.nextInt(), random.nextInt(100_000), random.nextInt(1_000_000_000))
                    .getBytes(StandardCharsets.US_ASCII);
            int part = Math.min(line.length, content.length - filled);
            System.arraycopy(line, 0, content, filled, part);
            filled += part;
        }
    }

    /** Does {@code work} while nothing is written and everything written before has been flushed. */
    <T> T pause(Worker.Work<T> work) throws IOException, InterruptedException {
        return worker.pause(work);
    }

    long writtenBytes() {
        return writtenBytes.sum();
    }

    long writes() {
        return writes.sum();
    }

    /** Ends after the burst under way; what was written has been flushed. */
    void stop() throws IOException, InterruptedException {
        worker.stop();
    }

    @Override
    public void close() {
        worker.close();
    }
}

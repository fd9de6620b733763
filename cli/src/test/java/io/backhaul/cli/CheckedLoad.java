package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Writes to the disk of a {@link Scene} through its agent, one write after the other, and keeps the {@link Ledger}. Where
 * the agent goes away it waits until there is one again, and looks at the disk to see how far the write under way had come.
 */
final class CheckedLoad implements AutoCloseable {
    private static final int MAX_BLOCKS = 16;
    private static final int BURST = 16;
    private static final int ZEROES_ONE_IN = 12;
    private static final long REDIAL_MILLIS = 50;

    private final Scene scene;
    private final Ledger ledger;
    private final SplittableRandom random;
    private final long pauseMillis;
    private final Worker worker;
    private @Nullable BlockDevice disk;
    private final LongAdder writtenBytes = new LongAdder();
    private final LongAdder interruptions = new LongAdder();

    private CheckedLoad(Scene scene, Ledger ledger, long seed, long pauseMillis) {
        this.scene = scene;
        this.ledger = ledger;
        this.random = new SplittableRandom(seed);
        this.pauseMillis = pauseMillis;
        this.worker = new Worker("the load", this::run);
    }

    /**
     * @param pauseMillis
     *            between bursts of 16 writes
     */
    static CheckedLoad start(Scene scene, Ledger ledger, long seed, long pauseMillis) {
        var load = new CheckedLoad(scene, ledger, seed, pauseMillis);
        load.worker.start();
        return load;
    }

    private void run() throws IOException, InterruptedException {
        try {
            do {
                worker.inTurn(this::burst);
            } while (!worker.rest(pauseMillis));
        } finally {
            disconnect();
        }
    }

    private void burst() throws IOException, InterruptedException {
        for (int i = 0; i < BURST && !worker.isEnding(); i++) {
            writeOne();
        }
    }

    private void writeOne() throws IOException, InterruptedException {
        BlockDevice to = connected();
        if (to == null) {
            return;
        }
        boolean zeroes = random.nextInt(ZEROES_ONE_IN) == 0;
        int count = 1 + random.nextInt(MAX_BLOCKS);
        int first = random.nextInt(ledger.blocks() - count);
        long version = ledger.next();
        int length = count * Ledger.BLOCK_BYTES;
        ByteBuffer data = ByteBuffer.allocate(length);
        for (int i = 0; i < count; i++) {
            Ledger.fill(data, version, first + i);
        }
        try {
            if (zeroes) {
                to.zero((long) first * Ledger.BLOCK_BYTES, length);
            } else {
                to.write((long) first * Ledger.BLOCK_BYTES, data.flip());
            }
            ledger.wrote(version, zeroes, first, count);
            if (random.nextInt(BURST) == 0) {
                to.flush();
            }
        } catch (IOException gone) {
            disconnect();
            interruptions.increment();
            settle(version, zeroes, first, count);
        }
        writtenBytes.add(length);
    }

    /** The agent went away amid a write: what has reached the disk is what was written. */
    private void settle(long version, boolean zeroes, int first, int count) throws IOException, InterruptedException {
        connected();
        ByteBuffer held = ByteBuffer.allocate(Ledger.BLOCK_BYTES);
        try (BlockDevice file = scene.openDisk()) {
            for (int block = first; block < first + count; block++) {
                file.read((long) block * Ledger.BLOCK_BYTES, held.clear());
                if (Ledger.holds(held.clear(), zeroes, version, block)) {
                    ledger.wrote(version, zeroes, block, 1);
                }
            }
        }
    }

    /** The disk behind the agent, as soon as there is one; null once the load is to stop. */
    private @Nullable BlockDevice connected() throws InterruptedException {
        while (disk == null && !worker.isEnding()) {
            try {
                disk = scene.connect();
            } catch (IOException nobodyThere) {
                worker.rest(REDIAL_MILLIS);
            }
        }
        return disk;
    }

    private void disconnect() {
        BlockDevice was = disk;
        disk = null;
        if (was != null) {
            try {
                was.close();
            } catch (IOException gone) {
                // It is what one wants.
                return;
            }
        }
    }

    /** Does {@code work} while nothing is under way. */
    <T> T pause(Worker.Work<T> work) throws IOException, InterruptedException {
        return worker.pause(work);
    }

    void check() throws IOException {
        worker.check();
    }

    long writtenBytes() {
        return writtenBytes.sum();
    }

    /** How often the agent went away under it. */
    long interruptions() {
        return interruptions.sum();
    }

    /** Ends after the write under way. */
    void stop() throws IOException, InterruptedException {
        worker.stop();
    }

    @Override
    public void close() {
        worker.close();
    }
}

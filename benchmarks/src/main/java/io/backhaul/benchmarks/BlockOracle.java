package io.backhaul.benchmarks;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/** Knows of each unit of each disk which write was the last one, up to a position that only rises. */
final class BlockOracle {
    private static final int READ_BYTES = 1 << 20;

    private final SeededLoad load;
    private final long[][] last;
    private final ByteBuffer expected;
    private final ByteBuffer found = ByteBuffer.allocateDirect(READ_BYTES);
    private long number;

    BlockOracle(SeededLoad load) {
        this.load = load;
        this.last = new long[load.disks()][(int) (load.diskBytes() / load.unitBytes())];
        this.expected = ByteBuffer.allocateDirect(load.unitBytes());
    }

    /** Goes on to a position. */
    void advance(long upTo) {
        if (upTo < number) {
            throw new IllegalArgumentException("back from " + number + " to " + upTo);
        }
        while (number < upTo) {
            number++;
            if (!SeededLoad.isMark(number)) {
                SeededLoad.Write write = load.write(number);
                int first = (int) (write.offset() / load.unitBytes());
                for (int i = 0; i < write.lengthBytes() / load.unitBytes(); i++) {
                    last[write.disk()][first + i] = write.zero() ? 0 : number;
                }
            }
        }
    }

    /** Compares all of a disk. */
    void compare(int disk, BlockDevice device) throws IOException {
        for (long at = 0; at < load.diskBytes(); at += READ_BYTES) {
            int length = (int) Math.min(READ_BYTES, load.diskBytes() - at);
            device.read(at, found.clear().limit(length));
            for (int unit = 0; unit < length; unit += load.unitBytes()) {
                compare(disk, at + unit, found.slice(unit, load.unitBytes()));
            }
        }
    }

    /** Compares so many units here and there. */
    void sample(int disk, BlockDevice device, int units, SplittableRandom random) throws IOException {
        for (int i = 0; i < units; i++) {
            long at = random.nextLong(load.diskBytes() / load.unitBytes()) * load.unitBytes();
            device.read(at, found.clear().limit(load.unitBytes()));
            compare(disk, at, found.slice(0, load.unitBytes()));
        }
    }

    private void compare(int disk, long offset, ByteBuffer unit) {
        long writer = last[disk][(int) (offset / load.unitBytes())];
        expected.clear();
        if (writer == 0) {
            while (expected.hasRemaining()) {
                expected.putLong(0);
            }
        } else {
            SeededLoad.fill(writer, offset, expected);
        }
        if (!expected.flip().equals(unit)) {
            throw new IllegalStateException("disk " + disk + " at " + offset + " is not what write " + writer
                    + " has written there, as of write " + number);
        }
    }
}

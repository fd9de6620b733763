package io.backhaul.blockio.nbd;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.util.Arrays;

/** The runs that a server told for one block status request; filled by the receiver, read by the caller afterwards. */
final class ExtentRuns {
    private long[] lengths = new long[16];
    private boolean[] zeroes = new boolean[16];
    private int count;

    void add(long lengthBytes, boolean zero) throws IOException {
        if (lengthBytes <= 0) {
            throw new IOException("the server told a run of no bytes");
        }
        if (count == lengths.length) {
            lengths = Arrays.copyOf(lengths, count * 2);
            zeroes = Arrays.copyOf(zeroes, count * 2);
        }
        lengths[count] = lengthBytes;
        zeroes[count++] = zero;
    }

    /** Tells the runs, cut at the end, and returns where they stop. */
    long tell(long offset, long end, BlockDevice.ExtentVisitor visitor) throws IOException {
        long next = offset;
        for (int index = 0; index < count && next < end; index++) {
            long length = Math.min(lengths[index], end - next);
            visitor.extent(next, length, zeroes[index]);
            next += length;
        }
        return next;
    }
}

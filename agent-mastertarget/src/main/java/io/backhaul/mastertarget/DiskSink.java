package io.backhaul.mastertarget;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Is told what is to stand on a machine's disks, in large stretches that do not overlap. */
interface DiskSink {
    /** Takes all that remains of the data. */
    void write(int disk, long offset, ByteBuffer data) throws IOException;

    void zero(int disk, long offset, long lengthBytes) throws IOException;
}

package io.backhaul.source;

/** Whether batches are compressed. */
public enum Compression {
    /** Where it shrinks the data and the link is what limits. */
    AUTO,
    /** Always, where it shrinks the data. */
    LZ4,
    /** Never. */
    OFF
}

package io.backhaul.source.ebpf;

/** Where things stand in the memory that is shared with the programs: {@code capture.bpf.c} says the same in C. */
final class KernelLayout {
    /** Changes with every change that makes another version of the agent misread what is pinned. */
    static final int VERSION = 1;

    static final int CONTROL_VERSION = 0;
    static final int CONTROL_TARGETS = 4;
    static final int CONTROL_BLOCK_SHIFT = 8;
    static final int CONTROL_EPOCH = 12;
    static final int CONTROL_IN_FLIGHT = 16;
    static final int CONTROL_LOST = 32;
    static final int CONTROL_UNTRACKED = 40;
    static final int CONTROL_FAULTS = 48;
    static final int CONTROL_FAILED = 56;
    static final int CONTROL_PAGE_OFFSET = 64;
    static final int CONTROL_VMEMMAP = 72;
    static final int CONTROL_MISSES = 80;
    static final int CONTROL_UNDURABLE = 88;
    static final int CONTROL_HEAD_BYTES = 104;

    static final int MAX_TARGETS = 64;
    static final int TARGET_BYTES = 48;
    static final int TARGET_DEVICE = 0;
    static final int TARGET_DISK = 4;
    static final int TARGET_FIRST_BYTE = 8;
    static final int TARGET_SIZE = 16;
    static final int TARGET_FIRST_MARK = 24;
    static final int TARGET_ALL_LOST = 32;
    static final int TARGET_SEQUENCE = 40;
    static final int CONTROL_BYTES = CONTROL_HEAD_BYTES + MAX_TARGETS * TARGET_BYTES;

    static final int MARKS_PAGE_BYTES = 4096;

    static final int RECORD_OFFSET = 0;
    static final int RECORD_LOSSES = 16;
    static final int RECORD_LENGTH = 24;
    static final int RECORD_DISK = 32;
    static final int RECORD_KIND = 34;
    static final int RECORD_BYTES = 40;
    static final int KIND_DATA = 1;
    static final int KIND_ZERO = 2;
    static final int KIND_DISCARD = 3;

    static final int CALIBRATION_THREAD = 0;
    static final int CALIBRATION_MAGIC = 8;
    static final int CALIBRATION_FRAME = 16;
    static final int CALIBRATION_PAGE = 24;
    static final int CALIBRATION_PAGE_OFFSET = 40;
    static final int CALIBRATION_SYMBOL_PAGE_OFFSET = 48;
    static final int CALIBRATION_SYMBOL_VMEMMAP = 56;
    static final int CALIBRATION_NEXT_STEP = 64;
    static final int CALIBRATION_SEEN = 72;
    static final int CALIBRATION_CHECK_PAGE_OFFSET = 80;
    static final int CALIBRATION_CHECK_VMEMMAP = 88;
    static final int CALIBRATION_PROVED = 96;
    static final int CALIBRATION_BYTES = 104;

    /** The kernel's ring: a page with the reader's position, one with the writer's, then the data twice in a row. */
    static final int RING_PAGE_BYTES = 4096;
    static final int RING_HEADER_BYTES = 8;
    /** No record is longer: none has to be put together of the ring's end and its beginning. */
    static final int RING_MOST_BYTES = 1 << 20;
    static final int RING_BUSY = 1 << 31;
    static final int RING_DISCARDED = 1 << 30;

    private KernelLayout() {}

    static int target(int index) {
        return CONTROL_HEAD_BYTES + index * TARGET_BYTES;
    }
}

package io.backhaul.mastertarget;

/** What a base disk is made of. */
public enum DiskFormat {
    /** A flat VMDK, named by its descriptor. */
    VMDK(0),
    /** A raw file. */
    RAW(1),
    /** An existing block device. */
    DEVICE(2);

    private final int code;

    DiskFormat(int code) {
        this.code = code;
    }

    /** The byte in the machine's state. */
    int code() {
        return code;
    }
}

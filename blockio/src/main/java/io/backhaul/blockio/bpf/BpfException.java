package io.backhaul.blockio.bpf;

import java.io.IOException;

/** The kernel, or what is needed to talk to it, does not do what was asked. The message is one clear line. */
final class BpfException extends IOException {
    private static final long serialVersionUID = 1;

    private final int errno;

    BpfException(String message, int errno) {
        super(message);
        this.errno = errno;
    }

    /** What the kernel said; 0 where it was not asked. */
    int errno() {
        return errno;
    }
}

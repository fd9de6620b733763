package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;

import io.backhaul.blockio.BlockDevice;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** A device under a name, and who uses it right now. After {@link #retire} nobody touches the device any more. */
final class Export {
    private final String name;
    private final BlockDevice device;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition unused = lock.newCondition();
    private int users;
    private boolean retired;

    Export(String name, BlockDevice device) {
        this.name = name;
        this.device = device;
    }

    String name() {
        return name;
    }

    BlockDevice device() {
        return device;
    }

    /** What the device can do, as transmission flags. */
    int transmissionFlags() {
        int flags = TRANSMIT_HAS_FLAGS | TRANSMIT_SEND_FLUSH | TRANSMIT_SEND_FUA | TRANSMIT_CAN_MULTI_CONN
                | TRANSMIT_SEND_CACHE
                | TRANSMIT_SEND_DF;
        if (device.readOnly()) {
            return flags | TRANSMIT_READ_ONLY;
        }
        return flags | TRANSMIT_SEND_TRIM | TRANSMIT_SEND_WRITE_ZEROES | TRANSMIT_SEND_FAST_ZERO;
    }

    /** Enters before using the device; false if it is gone. */
    boolean enter() {
        lock.lock();
        try {
            if (retired) {
                return false;
            }
            users++;
            return true;
        } finally {
            lock.unlock();
        }
    }

    void leave() {
        lock.lock();
        try {
            users--;
            if (users == 0) {
                unused.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    boolean retired() {
        lock.lock();
        try {
            return retired;
        } finally {
            lock.unlock();
        }
    }

    /** Lets nobody in any more and returns when all are out. */
    void retire() {
        lock.lock();
        try {
            retired = true;
            while (users > 0) {
                unused.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }
}

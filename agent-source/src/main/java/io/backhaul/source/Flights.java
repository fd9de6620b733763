package io.backhaul.source;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Writes that are between a disk and the stream. Two that overlap wait for each other, so that the stream has them in the
 * order of the disk; others go side by side, as nothing tells their order apart before both are answered. Safe from any
 * thread; waits, so never on a loop.
 */
final class Flights {
    /** One write under way. */
    record Flight(long number, int disk, long offset, long lengthBytes) {
        boolean overlaps(int otherDisk, long otherOffset, long otherLengthBytes) {
            return disk == otherDisk && offset < otherOffset + otherLengthBytes && otherOffset < offset + lengthBytes;
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition landed = lock.newCondition();
    private final List<Flight> inFlight = new ArrayList<>();
    private long next;

    /** Waits until nothing overlaps, and enters. */
    Flight enter(int disk, long offset, long lengthBytes) {
        lock.lock();
        try {
            while (inFlight.stream().anyMatch(flight -> flight.overlaps(disk, offset, lengthBytes))) {
                landed.awaitUninterruptibly();
            }
            Flight flight = new Flight(next++, disk, offset, lengthBytes);
            inFlight.add(flight);
            return flight;
        } finally {
            lock.unlock();
        }
    }

    void leave(Flight flight) {
        lock.lock();
        try {
            inFlight.remove(flight);
            landed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Returns when all that had entered before the call have left. */
    void awaitThoseNow() {
        lock.lock();
        try {
            long horizon = next;
            while (inFlight.stream().anyMatch(flight -> flight.number() < horizon)) {
                landed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }
}

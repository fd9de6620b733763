package io.backhaul.source;

import io.backhaul.engine.loop.Monitor;
import java.util.ArrayList;
import java.util.List;

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

    private final Monitor monitor;
    private final List<Flight> inFlight = new ArrayList<>();
    private long next;

    Flights(Monitor monitor) {
        this.monitor = monitor;
    }

    /** Waits until nothing overlaps, and enters. */
    Flight enter(int disk, long offset, long lengthBytes) {
        monitor.lock();
        try {
            while (inFlight.stream().anyMatch(flight -> flight.overlaps(disk, offset, lengthBytes))) {
                monitor.await();
            }
            Flight flight = new Flight(next++, disk, offset, lengthBytes);
            inFlight.add(flight);
            return flight;
        } finally {
            monitor.unlock();
        }
    }

    void leave(Flight flight) {
        monitor.lock();
        try {
            inFlight.remove(flight);
            monitor.signalAll();
        } finally {
            monitor.unlock();
        }
    }

    /** Returns when all that had entered before the call have left. */
    void awaitThoseNow() {
        monitor.lock();
        try {
            long horizon = next;
            while (inFlight.stream().anyMatch(flight -> flight.number() < horizon)) {
                monitor.await();
            }
        } finally {
            monitor.unlock();
        }
    }
}

package io.backhaul.source;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.loop.Monitor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The capture that stands in front of the disks: whoever writes to {@link #device} writes to the disk and into the stream.
 * The NBD server exports these devices.
 */
public final class WriteThroughCapture implements Capture {
    private final Flights flights;
    private final List<BlockDevice> devices = new ArrayList<>();
    private final OnFull onFull;
    private final Duration throttleLimit;
    private @Nullable ChangeStream stream;
    private volatile boolean doubted;

    /** What happens to a writer when the buffer is full. */
    public enum OnFull {
        /** Nothing: blocks are marked, and read again later. */
        OVERFLOW,
        /** It waits for room; but not for ever, then as above. */
        THROTTLE
    }

    /**
     * Stands in front of these disks.
     *
     * @param throttleLimit
     *            the longest that one write is held back
     */
    public WriteThroughCapture(List<SourceDisk> disks, OnFull onFull, Duration throttleLimit) {
        this(disks, onFull, throttleLimit, Monitor.ofThreads());
    }

    /** The same, with the monitor at which writes wait for each other. */
    public WriteThroughCapture(List<SourceDisk> disks, OnFull onFull, Duration throttleLimit, Monitor monitor) {
        this.flights = new Flights(monitor);
        this.onFull = onFull;
        this.throttleLimit = throttleLimit;
        for (SourceDisk disk : disks) {
            devices.add(new CapturedDevice(disk.info().index(), disk.device(), this));
        }
    }

    /** What the client of a disk is to use. It must not be used before the machine has been opened. */
    public BlockDevice device(int disk) {
        return devices.get(disk);
    }

    @Override
    public void attach(ChangeStream target) {
        stream = target;
    }

    @Override
    public void barrier() {
        flights.awaitThoseNow();
    }

    /** A disk has failed to make durable what was written to it. */
    void doubt() {
        doubted = true;
    }

    @Override
    public boolean isDoubted() {
        return doubted;
    }

    Flights flights() {
        return flights;
    }

    ChangeStream stream() {
        ChangeStream attached = stream;
        if (attached == null) {
            throw new IllegalStateException("a write before the stream stands");
        }
        return attached;
    }

    void holdBack(long payloadBytes) {
        if (onFull == OnFull.THROTTLE && payloadBytes > 0) {
            stream().awaitRoom(payloadBytes, throttleLimit);
        }
    }
}

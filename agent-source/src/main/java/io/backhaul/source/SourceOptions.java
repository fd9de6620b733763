package io.backhaul.source;

import io.backhaul.engine.stream.HopTiming;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/** How a source behaves; the reference of the configuration says what each setting means. */
public record SourceOptions(Machine machine, Buffering buffering, Compression compression, int granularityBytes,
        Comparison comparison, Route route) {
    /** Who is protected. */
    public record Machine(UUID id, String name) {}

    /**
     * What is kept in memory, and until when.
     *
     * @param bufferBytes
     *            between capture and release
     * @param batchBytes
     *            a batch that has grown so large is closed
     * @param batchAge
     *            a batch that has grown so old is closed
     */
    public record Buffering(long bufferBytes, int batchBytes, Duration batchAge, Release release) {
        /** 64 MiB, batches of 512 KiB or 2 ms, released once spooled. */
        public static final Buffering DEFAULT = new Buffering(64L << 20, 512 << 10, Duration.ofMillis(2),
                Release.SPOOLED);

        /** The same with another size. */
        public Buffering withBufferBytes(long bytes) {
            return new Buffering(bytes, batchBytes, batchAge, release);
        }
    }

    /** When captured data is safe enough to be forgotten. */
    public enum Release {
        /** Once the process server has it on disk. */
        SPOOLED,
        /** Once the master target has it in its journal. */
        JOURNALED
    }

    /**
     * How the disks are compared with the replica.
     *
     * @param bytesPerSecond
     *            what a baseline or resync reads at most; 0: as much as it can
     * @param verifyPeriod
     *            how long after one verification the next one begins; zero: only when asked to
     * @param verifyBytesPerSecond
     *            what a verification reads at most
     * @param verifyPercent
     *            which part of the disks one verification compares
     */
    public record Comparison(long bytesPerSecond, Duration verifyPeriod, long verifyBytesPerSecond,
            int verifyPercent) {
        /** As fast as can be, and verified only when asked to: all of it, at 16 MiB/s. */
        public static final Comparison DEFAULT = new Comparison(0, Duration.ZERO, 16L << 20, 100);
    }

    /** Whom to send to: process servers, {@code HOST:PORT} each, tried in turn. */
    public record Route(List<String> processServers, HopTiming timing) {
        public Route {
            processServers = List.copyOf(processServers);
            if (processServers.isEmpty()) {
                throw new IllegalArgumentException("no process server");
            }
        }
    }

    /** What is right for most machines. */
    public static SourceOptions defaults(Machine machine, List<String> processServers) {
        return new SourceOptions(machine, Buffering.DEFAULT, Compression.AUTO, 64 << 10, Comparison.DEFAULT,
                new Route(processServers, HopTiming.DEFAULT));
    }
}

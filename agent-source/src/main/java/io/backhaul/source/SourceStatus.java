package io.backhaul.source;

import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a source tells of itself at a moment.
 *
 * @param overflowing
 *            whether captured writes are only marked, for want of room
 */
public record SourceStatus(State state, Fidelity fidelity, boolean overflowing, Reached positions, Lag lag, Pace pace,
        Traffic traffic, Verified verified, List<OfDisk> disks) {
    public SourceStatus {
        disks = List.copyOf(disks);
    }

    /** The session's state, the link's, whom it dials, and what is wrong in words; empty where nothing is. */
    public record State(String session, String link, String address, String trouble) {}

    /** How far the stream has come, here and downstream. */
    public record Reached(Position captured, Position sent, Position received, Position spooled, Position forwarded,
            Position journaled, Position applied) {
        /** Whether the law of positions holds. */
        public boolean areLawful() {
            return captured.isAtLeast(sent) && sent.isAtLeast(received) && received.isAtLeast(spooled)
                    && spooled.isAtLeast(forwarded) && forwarded.isAtLeast(journaled) && journaled.isAtLeast(applied);
        }
    }

    /**
     * What is captured and not journaled.
     *
     * @param lagMillis
     *            age of the oldest such record
     * @param rpoMillis
     *            how much would be lost, in time, if the machine were lost now
     * @param basis
     *            last position known journaled, across restarts
     */
    public record Lag(long lagBytes, long lagMillis, long rpoMillis, Position basis) {}

    /**
     * Whether what is written gets through.
     *
     * @param trend
     *            in words: keeping up, catching up or not converging
     * @param throughBytesPerSecond
     *            payload journaled lately
     * @param etaMillis
     *            until the backlog is gone at this pace; -1 where nobody can tell
     * @param reason
     *            why it does not converge, and what to do; empty where it does
     */
    public record Pace(String trend, long throughBytesPerSecond, long etaMillis, String reason) {
        /** Whether it can last as it is. */
        public boolean isConverging() {
            return reason.isEmpty();
        }
    }

    /**
     * Counted since the start.
     *
     * @param packedBytes
     *            bytes of frames that {@code plainBytes} of payload became
     * @param differingBytes
     *            what the last baseline or plan found to differ
     * @param resentBytes
     *            what the master target asked for again
     */
    public record Traffic(long capturedBytes, long sentBytes, long plainBytes, long packedBytes, long overflows,
            long differingBytes, long resentBytes) {}

    /**
     * How verification stands.
     *
     * @param state
     *            off, scheduled, waiting or under way
     * @param since
     *            what has come of it since the start
     * @param endedMicros
     *            when the last one ended, by the wall clock; 0 where none has
     * @param last
     *            what that has found
     * @param now
     *            what the one under way has found so far
     */
    public record Verified(String state, long doneBytes, long totalBytes, Since since, long endedMicros,
            @Nullable Found last, @Nullable Found now) {
        /** Counted since the start. */
        public record Since(long passes, long comparedBytes, long differingBytes) {}

        Map<String, Object> asMap() {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("state", state);
            if (now != null) {
                map.put("doneBytes", doneBytes);
                map.put("totalBytes", totalBytes);
            }
            Found told = last;
            if (told != null) {
                map.put("endedMicros", endedMicros);
                map.put("beganMicros", told.beganMicros());
                map.put("comparedBytes", told.comparedBytes());
                map.put("skippedBytes", told.skippedBytes());
                map.put("differingBytes", told.differingBytes());
            }
            return map;
        }
    }

    /**
     * What a verification has found.
     *
     * @param skippedBytes
     *            written to all the while, or not readable
     * @param differingBytes
     *            sent again
     */
    public record Found(long beganMicros, long comparedBytes, long skippedBytes, long differingBytes) {}

    /** One disk: what is pending, and how far its comparison or catch-up is. */
    public record OfDisk(DiskInfo disk, long pendingBytes, long doneBytes, long leftBytes, long bytesPerSecond,
            long etaMillis) {
        OfDisk(DiskInfo disk, long pendingBytes, ReconcileProgress.OfDisk progress) {
            this(disk, pendingBytes, progress.doneBytes(), progress.leftBytes(), progress.bytesPerSecond(),
                    progress.etaMillis());
        }

        static List<OfDisk> all(List<DiskInfo> disks, List<Long> pendingBytes,
                List<ReconcileProgress.OfDisk> progress) {
            return IntStream.range(0, disks.size())
                    .mapToObj(i -> new OfDisk(disks.get(i), pendingBytes.get(i), progress.get(i))).toList();
        }
    }

    /** Bytes read for comparison or catch-up. */
    public long readBytes() {
        return disks.stream().mapToLong(OfDisk::doneBytes).sum();
    }

    /** What the last baseline or plan has found to differ so far. */
    public long differingBytes() {
        return traffic.differingBytes();
    }

    /** The form that control sockets answer; {@code places} tells where each disk is. */
    Map<String, Object> asMap(List<Map<String, Object>> places) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("state", state.session());
        map.put("link", state.link());
        map.put("address", state.address());
        if (!state.trouble().isEmpty()) {
            map.put("trouble", state.trouble());
        }
        map.put("fidelity", fidelity.name());
        map.put("overflowing", overflowing);
        Map<String, Object> reached = new LinkedHashMap<>();
        reached.put("captured", positions.captured().toString());
        reached.put("sent", positions.sent().toString());
        reached.put("received", positions.received().toString());
        reached.put("spooled", positions.spooled().toString());
        reached.put("forwarded", positions.forwarded().toString());
        reached.put("journaled", positions.journaled().toString());
        reached.put("applied", positions.applied().toString());
        map.put("positions", reached);
        map.put("lagBytes", lag.lagBytes());
        map.put("lagMillis", lag.lagMillis());
        map.put("rpoMillis", lag.rpoMillis());
        map.put("pace", pace.trend());
        map.put("throughBytesPerSecond", pace.throughBytesPerSecond());
        if (pace.etaMillis() >= 0) {
            map.put("etaMillis", pace.etaMillis());
        }
        if (!pace.reason().isEmpty()) {
            map.put("reason", pace.reason());
        }
        map.put("readBytes", readBytes());
        map.put("capturedBytes", traffic.capturedBytes());
        map.put("sentBytes", traffic.sentBytes());
        map.put("payloadBytes", traffic.plainBytes());
        map.put("packedBytes", traffic.packedBytes());
        map.put("overflows", traffic.overflows());
        map.put("resentBytes", traffic.resentBytes());
        map.put("verification", verified.asMap());
        List<Map<String, Object>> each = new ArrayList<>();
        for (int i = 0; i < disks.size(); i++) {
            each.add(asMap(disks.get(i), places.get(i)));
        }
        map.put("disks", each);
        return map;
    }

    private static Map<String, Object> asMap(OfDisk disk, Map<String, Object> place) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("index", disk.disk().index());
        map.put("id", disk.disk().stableId());
        map.putAll(place);
        map.put("sizeBytes", disk.disk().sizeBytes());
        map.put("doneBytes", disk.doneBytes());
        map.put("totalBytes", disk.doneBytes() + disk.leftBytes());
        map.put("pendingBytes", disk.pendingBytes());
        map.put("bytesPerSecond", disk.bytesPerSecond());
        if (disk.etaMillis() >= 0) {
            map.put("etaMillis", disk.etaMillis());
        }
        return map;
    }
}

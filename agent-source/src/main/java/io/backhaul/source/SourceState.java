package io.backhaul.source;

import io.backhaul.protocol.Digests;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Position;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * What the source knows across restarts, beside the dirty map.
 *
 * @param generation
 *            the highest generation that was ever begun; durable before its first frame exists
 * @param acknowledged
 *            whether a master target ever journaled a frame of this machine's stream from this state; who was only received
 *            makes way for a higher generation, and begins one above it with a comparison
 * @param bootId
 *            the boot in which the dirty map was last in use
 * @param replica
 *            the one that the disks have been compared with, and that the stream therefore builds upon;
 *            {@link Digests#NOBODY} where nothing has been compared
 * @param journaled
 *            everything up to here is known journaled, and everything changed after it is in the dirty map or will be
 *            compared; {@link Position#NONE}: nothing is known
 * @param comparing
 *            whether a baseline has not come to its end
 * @param run
 *            what the boot and the fingerprints say at the next start
 */
record SourceState(long generation, boolean acknowledged, UUID bootId, UUID replica, Position journaled,
        boolean comparing,
        Run run,
        List<DiskState> disks) {
    /** For the operator. */
    static final String DOUBT = "a flush, or a write that was to be durable, has failed since the machine was started";
    private static final int FLAG_ACKNOWLEDGED = 1;
    private static final int FLAG_COMPARING = 2;
    private static final int FLAG_CLEAN = 4;
    private static final int FLAG_DOUBTED = 8;
    private static final int FLAG_OBSERVED = 16;

    SourceState {
        disks = List.copyOf(disks);
    }

    /**
     * How the agent's last run stands.
     *
     * @param clean
     *            whether only the fingerprints tell if anything was written that is neither captured nor marked: the agent was
     *            stopped in order, or does not see writes at all
     * @param doubted
     *            whether a disk has failed to make writes durable in this boot: what it held in memory only may go with the
     *            power, whatever a later flush says
     * @param observed
     *            whether writes were only observed, and went on whether the agent ran or not: only who observes can tell what
     *            was written since
     */
    record Run(boolean clean, boolean doubted, boolean observed) {
        static final Run OPEN = new Run(false, false, false);
    }

    /**
     * One disk.
     *
     * @param comparedBytes
     *            how far the baseline has come
     * @param fingerprint
     *            what tells whether someone else wrote to it since; empty where nothing does
     */
    record DiskState(DiskInfo disk, long comparedBytes, String fingerprint) {}

    static SourceState unborn(UUID bootId, List<DiskInfo> disks) {
        return new SourceState(0, false, bootId, Digests.NOBODY, Position.NONE, true, Run.OPEN,
                disks.stream().map(disk -> new DiskState(disk, 0, "")).toList());
    }

    List<DiskInfo> diskInfos() {
        return disks.stream().map(DiskState::disk).toList();
    }

    SourceState withGeneration(long next) {
        return new SourceState(next, acknowledged, bootId, replica, journaled, comparing, run, disks);
    }

    SourceState withReplica(UUID compared) {
        return new SourceState(generation, acknowledged, bootId, compared, journaled, comparing, run, disks);
    }

    SourceState withAcknowledged() {
        return new SourceState(generation, true, bootId, replica, journaled, comparing, run, disks);
    }

    SourceState withJournaled(Position position) {
        return new SourceState(generation, acknowledged, bootId, replica, position, comparing, run, disks);
    }

    /** In use, in this boot. */
    SourceState opened(UUID boot) {
        Run next = new Run(false, run.doubted && boot.equals(bootId), false);
        return new SourceState(generation, acknowledged, boot, replica, journaled, comparing, next, disks);
    }

    /** In use by a capture that only observes. */
    SourceState observed() {
        return new SourceState(generation, acknowledged, bootId, replica, journaled, comparing,
                new Run(run.clean, run.doubted, true), disks);
    }

    /** A disk has failed to make durable what was written to it. */
    SourceState doubted() {
        return new SourceState(generation, acknowledged, bootId, replica, journaled, comparing,
                new Run(run.clean, true, run.observed), disks);
    }

    /** All that was written is captured or marked, up to the disks that have these fingerprints. */
    SourceState stopped(List<String> fingerprints) {
        List<DiskState> next = new ArrayList<>();
        for (int i = 0; i < disks.size(); i++) {
            next.add(new DiskState(disks.get(i).disk(), disks.get(i).comparedBytes(), fingerprints.get(i)));
        }
        return new SourceState(generation, acknowledged, bootId, replica, journaled, comparing,
                new Run(true, run.doubted, run.observed), next);
    }

    /** How far each disk is compared; {@code still} where there is more to compare. */
    SourceState compared(long[] comparedBytes, boolean still) {
        List<DiskState> next = new ArrayList<>();
        for (int i = 0; i < disks.size(); i++) {
            next.add(new DiskState(disks.get(i).disk(), comparedBytes[i], disks.get(i).fingerprint()));
        }
        return new SourceState(generation, acknowledged, bootId, replica, journaled, still, run, next);
    }

    /** How far each disk need not be compared, in bytes. */
    long[] comparedBytes() {
        return disks.stream().mapToLong(each -> comparing ? each.comparedBytes() : each.disk().sizeBytes()).toArray();
    }

    /** Nothing is known any more of what the other side has; all disks will be compared from their beginning. */
    SourceState forgetful(List<DiskInfo> present) {
        List<DiskState> next = new ArrayList<>();
        boolean sameDisks = present.equals(diskInfos());
        for (int i = 0; i < present.size(); i++) {
            next.add(new DiskState(present.get(i), 0, sameDisks ? disks.get(i).fingerprint() : ""));
        }
        return new SourceState(generation, acknowledged, bootId, Digests.NOBODY, Position.NONE, true, run, next);
    }

    /** Whether a start from it need not compare anything, for what is in the state. */
    boolean canGoOn() {
        return !comparing && !journaled.equals(Position.NONE);
    }

    /** Another agent streams as this machine: whoever starts this one again wants it to take over, with a comparison. */
    SourceState superseded() {
        SourceState forgetful = forgetful(diskInfos());
        return new SourceState(generation, false, bootId, Digests.NOBODY, Position.NONE, true, run,
                forgetful.disks());
    }

    /** Writes all of it, as docs/ONDISK.md describes. */
    void encode(ByteBuffer target) {
        target.order(ByteOrder.LITTLE_ENDIAN).putLong(generation).putLong(journaled.generation());
        target.putLong(journaled.sequence());
        putId(target, bootId);
        putId(target, replica);
        target.putInt(
                (acknowledged ? FLAG_ACKNOWLEDGED : 0) | (comparing ? FLAG_COMPARING : 0) | (run.clean ? FLAG_CLEAN : 0)
                        | (run.doubted ? FLAG_DOUBTED : 0) | (run.observed ? FLAG_OBSERVED : 0));
        target.putInt(disks.size());
        for (DiskState each : disks) {
            target.putInt(each.disk().index()).putInt(each.disk().sectorSizeBytes()).putLong(each.disk().sizeBytes());
            target.putLong(each.comparedBytes());
            putText(target, each.disk().stableId());
            putText(target, each.fingerprint());
        }
    }

    /** Reads what {@link #encode} wrote and a checksum has vouched for. */
    static SourceState decode(ByteBuffer bytes) {
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        long generation = bytes.getLong();
        Position journaled = new Position(bytes.getLong(), bytes.getLong());
        UUID bootId = new UUID(bytes.getLong(), bytes.getLong());
        UUID replica = new UUID(bytes.getLong(), bytes.getLong());
        int flags = bytes.getInt();
        int count = bytes.getInt();
        List<DiskState> disks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int index = bytes.getInt();
            int sectorSizeBytes = bytes.getInt();
            long sizeBytes = bytes.getLong();
            long comparedBytes = bytes.getLong();
            disks.add(new DiskState(new DiskInfo(index, getText(bytes), sizeBytes, sectorSizeBytes), comparedBytes,
                    getText(bytes)));
        }
        Run run = new Run((flags & FLAG_CLEAN) != 0, (flags & FLAG_DOUBTED) != 0, (flags & FLAG_OBSERVED) != 0);
        return new SourceState(generation, (flags & FLAG_ACKNOWLEDGED) != 0, bootId, replica, journaled,
                (flags & FLAG_COMPARING) != 0, run, disks);
    }

    private static void putId(ByteBuffer target, UUID id) {
        target.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    }

    private static void putText(ByteBuffer target, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        target.putShort((short) bytes.length).put(bytes);
    }

    private static String getText(ByteBuffer source) {
        byte[] bytes = new byte[Short.toUnsignedInt(source.getShort())];
        source.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
